"""Numbered migration files, `0001_name.cql` or `.sql`: what both stores have in common about them."""

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

from projections.errors import MigrationChanged


class Migration(NamedTuple):
    """One file: its number, its name and its statements."""

    version: int
    name: str
    statements: tuple[str, ...]

    @property
    def checksum(self) -> str:
        """Of the statements without comments and spacing."""
        return hashlib.sha256(";".join(" ".join(s.split()) for s in self.statements).encode()).hexdigest()[:16]


def parse(file_name: str, text: str) -> Migration:
    """A file's name and text as a migration. A statement ends with `;` at the end of a line; a comment has a line of its own."""
    number, _, name = file_name.rpartition(".")[0].partition("_")
    bare = re.sub(r"^\s*--.*$", "", text, flags=re.MULTILINE)
    return Migration(int(number), name, tuple(s.strip() for s in re.split(r";[ \t]*$", bare, flags=re.MULTILINE) if s.strip()))


def load(package: str) -> list[Migration]:
    """Those in the folder `migrations` of a package, in order."""
    folder = files(package) / "migrations"
    return sorted(parse(f.name, f.read_text()) for f in folder.iterdir() if f.name.endswith((".cql", ".sql")))


def missing(wanted: list[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Those not in `applied` (checksums by version). Raises MigrationChanged when an applied one reads differently now."""
    for migration in wanted:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationChanged(f"{migration.version:04d}_{migration.name} was edited after it was applied: add a new one instead")
    return [migration for migration in wanted if migration.version not in applied]
