"""Reads table mappings from YAML files, and says in which file and about which table something is wrong."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml

from schemas.table_changes import ElementMapping, TableMapping
from streams.cdc.errors import MappingsInvalid
from streams.strict_yaml import read_yaml

SHIPPED = Path(__file__).parent / "tables"
"""Those of the demo shop."""
AnyMapping: TypeAlias = TableMapping | ElementMapping
_TABLE = re.compile(r"[a-z0-9_]{1,100}")
"""A part of a topic's name as it is."""


def load_mappings(folder: Path = SHIPPED) -> dict[str, AnyMapping]:
    """Table -> its mapping, of every `*.yaml` in `folder`. Raises MappingsInvalid."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise MappingsInvalid(f"{folder}: no *.yaml with table mappings")
    found: dict[str, AnyMapping] = {}
    origin: dict[str, Path] = {}
    for path in paths:
        for table, mapping in read_mappings(path):
            if table in origin:
                raise MappingsInvalid(f"{path}: table {table}: {origin[table]} has a mapping of it")
            found[table], origin[table] = mapping, path
    _require_one_master(folder, found)
    return found


def mappings_of(tables: Sequence[str], mappings: Mapping[str, AnyMapping]) -> dict[str, AnyMapping]:
    """The mappings of these tables. Raises MappingsInvalid when one has none, or there is no table."""
    if not tables:
        raise MappingsInvalid("CARILLON_TABLES names no table: nobody needs a cdc worker (CARILLON_FLEET: cdc=0)")
    if missing := sorted(set(tables) - mappings.keys()):
        raise MappingsInvalid(f"no mapping of table {', '.join(missing)}; there are {', '.join(sorted(mappings))}")
    return {table: mappings[table] for table in tables}


def read_mappings(path: Path) -> Iterator[tuple[str, AnyMapping]]:
    """The mappings of one file: `tables:` and a list. Raises MappingsInvalid."""
    try:
        content = read_yaml(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise MappingsInvalid(f"{path}: {error}") from error
    if not isinstance(content, dict) or set(content) != {"tables"} or not isinstance(content["tables"], list):
        raise MappingsInvalid(f"{path}: must be `tables:` with a list of mappings, and nothing else")
    for number, raw in enumerate(content["tables"], start=1):
        yield _mapping(path, number, raw)


def _mapping(path: Path, number: int, raw: Any) -> tuple[str, AnyMapping]:
    table = raw.get("table") if isinstance(raw, dict) else None
    if not isinstance(table, str) or not _TABLE.fullmatch(table):
        raise MappingsInvalid(f"{path}: mapping number {number}: `table` must be a name of lower-case letters, digits and _: {table!r}")
    told = {name: value for name, value in raw.items() if name != "table"}
    if "source" in told:
        raise MappingsInvalid(f"{path}: table {table}: `source` is cdc:{table}, and not to be told")
    kind: type[AnyMapping] = ElementMapping if "kind" in told else TableMapping
    try:
        return table, msgspec.convert({**told, "source": f"cdc:{table}"}, kind)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise MappingsInvalid(f"{path}: table {table}: {error}") from error


def _require_one_master(folder: Path, mappings: Mapping[str, AnyMapping]) -> None:
    """Two tables that say one field would take turns in it: of different sources the last to speak counts (docs/adr/0013)."""
    master: dict[str, str] = {}
    for table, mapping in mappings.items():
        for field in mapping.says:
            if other := master.get(field):
                raise MappingsInvalid(f"{folder}: tables {other} and {table} both say {field!r}: one of them must")
            master[field] = table
