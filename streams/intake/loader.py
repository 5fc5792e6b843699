"""Reads trigger rules from YAML files, and says in which file and which rule something is wrong."""

from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml

from streams.intake.errors import TriggersInvalid
from streams.intake.trigger import Sighting, Trigger, Triggers
from streams.strict_yaml import read_yaml

SHIPPED = Path(__file__).parent / "triggers"
"""The rules of the demo shop."""
Rule: TypeAlias = Trigger | Sighting
KINDS: dict[str, type[Trigger] | type[Sighting]] = {"rules": Trigger, "sightings": Sighting}


def load_triggers(folder: Path = SHIPPED) -> Triggers:
    """The rules of every `*.yaml` in `folder`. Raises TriggersInvalid."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise TriggersInvalid(f"{folder}: no *.yaml with trigger rules")
    rules: list[Rule] = []
    origin: dict[str, Path] = {}
    for path in paths:
        for rule in read_rules(path):
            if rule.name in origin:
                raise TriggersInvalid(f"{path}: rule {rule.name}: {origin[rule.name]} has a rule of that name")
            origin[rule.name] = path
            rules.append(rule)
    return Triggers([it for it in rules if isinstance(it, Trigger)], [it for it in rules if isinstance(it, Sighting)])


def read_rules(path: Path) -> list[Rule]:
    """The rules of one file: `rules:` and a list, and perhaps `sightings:` and a list. Raises TriggersInvalid."""
    try:
        content = read_yaml(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise TriggersInvalid(f"{path}: {error}") from error
    if (
        not isinstance(content, dict)
        or not {"rules"} <= set(content) <= set(KINDS)
        or not all(isinstance(it, list) for it in content.values())
    ):
        raise TriggersInvalid(f"{path}: must be `rules:` with a list of rules, perhaps `sightings:` with another, and nothing else")
    return [_rule(path, number, raw, kind) for name, kind in KINDS.items() for number, raw in enumerate(content.get(name, ()), start=1)]


def _rule(path: Path, number: int, raw: Any, kind: type[Trigger] | type[Sighting]) -> Rule:
    name = raw.get("name", f"number {number}") if isinstance(raw, dict) else f"number {number}"
    try:
        return msgspec.convert(_spelt_out(raw), kind)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise TriggersInvalid(f"{path}: rule {name}: {error}") from error


def _spelt_out(raw: Any) -> Any:
    """`data: {total: amount}` is short for `data: {total: {field: amount}}`."""
    if not isinstance(raw, dict) or not isinstance(raw.get("data"), dict):
        return raw
    data = {variable: {"field": value} if isinstance(value, str) else value for variable, value in raw["data"].items()}
    return raw | {"data": data}
