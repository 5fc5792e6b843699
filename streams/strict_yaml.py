"""YAML as we read it: a key that is there twice is refused, where YAML would keep the last."""

from typing import Any

import yaml


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"key {name!r} is there twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(text: bytes) -> Any:
    """What is in it, as plain objects. Raises yaml.YAMLError, which says line and column."""
    return yaml.load(text, _StrictLoader)  # noqa: S506 - it is a SafeLoader
