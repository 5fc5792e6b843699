import sys
from pathlib import Path

import pytest

from ops.local import tools
from ops.local.errors import MissingTool


def fake_java(folder: Path, version: str) -> str:
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(("text", "release"), [("17.0.15", 17), ("21", 21), ("1.8.0_402", 8), ("23-ea", 23)])
def test_java_version(tmp_path: Path, text: str, release: int) -> None:
    assert tools.java_version(fake_java(tmp_path, text)) == release


def test_our_variable_wins_over_java_home_and_path(tmp_path: Path) -> None:
    found = fake_java(tmp_path, "17.0.1")
    assert tools.java({"CARILLON_JAVA": found, "JAVA_HOME": "/nowhere", "PATH": "/nowhere"}) == found


@pytest.mark.parametrize("version", ["11.0.2", "25"])
def test_a_java_that_will_not_do_is_told_with_the_cure(tmp_path: Path, version: str) -> None:
    with pytest.raises(MissingTool, match="openjdk-17"):
        tools.java({"CARILLON_JAVA": fake_java(tmp_path, version)})


def test_everything_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "java", lambda: _refuse("No java found."))
    monkeypatch.setattr(tools, "maven", lambda: _refuse("No mvn found."))
    assert tools.check() == ["No java found.", "No mvn found."]


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(MissingTool, match=r"Python 3\.10"):
        tools.python()


def _refuse(text: str) -> str:
    raise MissingTool(text)
