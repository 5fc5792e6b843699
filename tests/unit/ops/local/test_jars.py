from pathlib import Path

import pytest

from ops.local import jars
from ops.local.errors import JarsFailed
from ops.local.paths import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home", tmp_path / "jars")
    home.create()
    return home


def stamp(home: Home, part: str, text: str) -> None:
    (home.jars / part).mkdir(exist_ok=True)
    (home.jars / part / jars.STAMP).write_text(text)


def fake_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(jars.tools, "maven", lambda: str(program))


def test_everything_is_missing_at_first(home: Home) -> None:
    assert jars.missing(home) == list(jars.PARTS)


def test_a_stamp_of_these_poms_means_complete_and_one_of_others_does_not(home: Home) -> None:
    stamp(home, "kafka", jars.fingerprint("kafka"))
    stamp(home, "connect", jars.fingerprint("kafka"))
    assert jars.missing(home, ["kafka", "connect"]) == ["connect"]


def test_a_folder_without_stamp_is_incomplete(home: Home) -> None:
    (home.jars / "kafka").mkdir()
    assert jars.missing(home, ["kafka"]) == ["kafka"]


def test_the_fingerprint_follows_the_pom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = jars.fingerprint("kafka")
    for pom in jars.POMS.glob("*.xml"):
        (tmp_path / pom.name).write_text(pom.read_text().replace("4.1.0", "4.1.1"))
    monkeypatch.setattr(jars, "POMS", tmp_path)
    assert jars.fingerprint("kafka") != before


def test_fetch_asks_maven_for_what_is_missing_only(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp(home, "connect", jars.fingerprint("connect"))
    fake_maven(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/asked; mkdir {home.jars}/kafka.part; touch {home.jars}/kafka.part/a.jar')
    assert jars.fetch(home, ["kafka", "connect"]) == ["kafka"]
    asked = (tmp_path / "asked").read_text()
    assert "--projects :kafka " in asked
    assert (home.jars / "kafka" / "a.jar").exists()
    assert jars.fetch(home, ["kafka", "connect"]) == []


def test_a_failing_maven_is_told_with_its_log(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_maven(tmp_path, monkeypatch, "echo no route to anywhere; exit 1")
    with pytest.raises(JarsFailed) as caught:
        jars.fetch(home, ["kafka"])
    assert "no route to anywhere" in str(caught.value)
    assert str(home.log("maven")) in str(caught.value)
    assert jars.missing(home, ["kafka"]) == ["kafka"]


def test_tail_gives_the_last_lines_of_this_run(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("old\n" + "".join(f"line {i}\n" for i in range(30)))
    assert jars.tail(log, lines=2) == ["line 28", "line 29"]
    assert jars.tail(log, lines=100, since=4)[0] == "line 0"
    assert jars.tail(tmp_path / "none.log") == []


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [("Linux", "x86_64", "linux-amd64"), ("Linux", "aarch64", "linux-arm64v8"), ("Darwin", "arm64", "darwin-arm64v8")],
)
def test_postgres_platform(system: str, machine: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars.platform, "system", lambda: system)
    monkeypatch.setattr(jars.platform, "machine", lambda: machine)
    assert jars.postgres_platform() == expected
