"""docs/guarantees.md promises nothing without a test: each that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guarantees.md"


def named() -> list[tuple[str, str]]:
    """(file, test) of every test the page names; `::test` alone is of the file before it."""
    found, file = [], ""
    for path, test in re.findall(r"`([\w/.]*)::(test_\w+)`", PAGE.read_text()):
        file = path or file
        found.append((file, test))
    return found


def test_every_guarantee_has_a_test_by_name() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith(("| what fails", "| ---"))]
    assert rows
    assert [row[:60] for row in rows if "::test_" not in row and "the same;" not in row] == []


def test_every_test_it_names_is_there() -> None:
    missing = [f"{file}::{test}" for file, test in named() if f"def {test}(" not in (ROOT / "tests" / file).read_text()]
    assert missing == []
    assert len(named()) > 15
