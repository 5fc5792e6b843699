import re

import pytest

from projections.errors import MigrationChanged
from projections.migrations import Migration, load, missing, parse

ONE, TWO = Migration(1, "a", ("CREATE x",)), Migration(2, "b", ("CREATE y",))


def test_a_file_is_statements() -> None:
    text = "-- a comment; with a semicolon\nCREATE x\n  WITH comment = 'a; b';\n\nCREATE y;\n"
    assert parse("0012_two_things.cql", text) == Migration(12, "two_things", ("CREATE x\n  WITH comment = 'a; b'", "CREATE y"))


def test_comments_and_spacing_are_not_the_migration() -> None:
    assert parse("1_a.sql", "CREATE  x;").checksum == parse("1_a.sql", "-- why\nCREATE\n x;\n").checksum
    assert parse("1_a.sql", "CREATE x;").checksum != parse("1_a.sql", "CREATE y;").checksum


def test_what_is_missing() -> None:
    assert missing([ONE, TWO], {1: ONE.checksum}) == [TWO]
    assert missing([ONE, TWO], {1: ONE.checksum, 2: TWO.checksum}) == []


def test_an_edited_migration_is_an_error() -> None:
    with pytest.raises(MigrationChanged, match="0001_a"):
        missing([ONE], {1: "other"})


@pytest.mark.parametrize("package", ["projections.cassandra", "projections.clickhouse"])
def test_those_of_the_stores_are_numbered_and_safe_to_run_again(package: str) -> None:
    found = load(package)
    assert [migration.version for migration in found] == list(range(1, len(found) + 1))
    again = re.compile(r"IF NOT EXISTS|OR REPLACE|IF EXISTS|MODIFY SETTING")
    assert all(again.search(statement) for migration in found for statement in migration.statements)
