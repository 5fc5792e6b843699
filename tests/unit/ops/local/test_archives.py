from pathlib import Path

import pytest

from ops.local import archives
from ops.local.paths import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(archives.tools, "java_banner", lambda java: java)
    monkeypatch.setattr(archives.tools, "java", lambda: "java-17")
    home = Home(tmp_path / "home", tmp_path / "jars")
    home.create()
    (home.jars / "kafka").mkdir()
    (home.run / "tmp" / "kafka").mkdir(parents=True)
    return home


def written(home: Home) -> Path:
    return home.run / "tmp" / "kafka" / "classes.jsa"


def test_the_first_run_writes_the_second_uses(home: Home) -> None:
    assert archives.options(home, "kafka", "java-17")[-1] == f"-XX:ArchiveClassesAtExit={written(home)}"
    written(home).write_text("archive")
    archives.keep(home, "kafka")
    assert not written(home).exists()
    (archive,) = (home.jars / "kafka").iterdir()
    assert archives.options(home, "kafka", "java-17")[-1] == f"-XX:SharedArchiveFile={archive}"


def test_another_java_writes_its_own(home: Home) -> None:
    written(home).write_text("archive")
    archives.keep(home, "kafka")
    assert "ArchiveClassesAtExit" in archives.options(home, "kafka", "java-21")[-1]


def test_what_a_killed_run_left_half_written_is_removed(home: Home) -> None:
    written(home).write_text("half an arch")
    archives.options(home, "kafka", "java-17")
    assert not written(home).exists()


def test_nothing_to_keep(home: Home) -> None:
    archives.keep(home, "kafka")
    assert list((home.jars / "kafka").iterdir()) == []
