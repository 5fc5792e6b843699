"""The edge: what people and programs see."""

import json
from collections.abc import Callable

import pytest

from ops.cli import main as entry
from ops.cli import system
from ops.cli.errors import NotFound
from ops.cli.output import cell, table, write_json
from ops.cli.topics import row_of
from ops.local.errors import BadSetting
from schemas.provision import Difference
from schemas.topics import catalogue

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `carillon ARGS`; returns the exit code."""

    def call(*args: str) -> int:
        monkeypatch.setattr("sys.argv", ["carillon", *args])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        return int(ended.value.code or 0)

    return call


def test_help_names_every_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    said = capsys.readouterr().out
    for command in (
        "up",
        "down",
        "topics",
        "worker",
        "project",
        "send",
        "campaign",
        "pause",
        "resume",
        "cancel",
        "rate",
        "audience",
        "status",
        "inbox",
        "stats",
        "dlq",
        "why",
        "demo",
    ):
        assert f" {command} " in said


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (
            ["worker", "decider"],
            "no such role: decider; there are profiles, cdc, plan, decide, decide_urgent, urgent, bulk, feedback, timers",
        ),
        (["project", "oracle"], "no such store: oracle; there are cassandra, clickhouse"),
        (["send", "-t", "nope", "-u", "ann"], "no template 'nope'"),
        (["send", "-t", "login_code", "-u", "ann", "-d", "code"], "expected name=value"),
        (["send", "-t", "login_code", "-u", "ann", "-d", "code=1", "--at", "2026-01-01T09:00"], "--at '2026-01-01T09:00': where?"),
        (["campaign", "all", "-t", "flash_sale", "--at-local", "9am"], "--at-local '9am' is no time of the day"),
        (["campaign", "", "-t", "flash_sale"], "the audience is empty"),
        (["campaign", "-t", "flash_sale"], "the audience is empty"),
        (["campaign", "all", "-t", "flash_sale", "--users-file", "x"], "an audience and --users-file: one of them"),
        (["send", "-t", "login_code"], "--user, or --users-file: one of them"),
        (["send", "-t", "login_code", "--users-file", "/no/such/file"], "No such file"),
        (["campaign", "tag:a or", "-t", "flash_sale", "-d", "sale=x", "-d", "percent=1"], "found the end (character 9)"),
        (["send", "-t", "login_code", "-u", "ann", "-d", "code=1", "--overrides", "/no/such/file"], "No such file"),
        (["campaign", "all", "-t", "flash_sale", "--attach", "/no/such/file"], "No such file"),
        (["send", "-t", "login_code", "-u", "ann", "-d", "code=1", "--overrides", "/dev/null"], "--overrides /dev/null: Expected `object`"),
        (
            ["send", "-t", "login_code", "-u", "ann", "-d", "code=1", "-c", "push", "--attach", "README.md"],
            "overrides: email: it goes to push",
        ),
        (["audience", "tag:a tag:b"], "expected and, or, or the end, found 'tag:b' (character 7)"),
        (["rate", "n-1", "fast"], "'fast' is no rate"),
        (["dlq", "replay"], "name the letters"),
        (["stats", "--by", "moon"], "--by moon: choose from"),
    ],
)
def test_what_is_wrong_is_one_clear_line_and_exit_code_1(
    run: Run, capsys: pytest.CaptureFixture[str], args: list[str], complaint: str
) -> None:
    assert run(*args) == 1
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_what_is_no_option_is_exit_code_2(run: Run) -> None:
    assert run("send", "--nonsense") == 2


def test_a_bug_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(entry, "app", broken)
    with pytest.raises(ZeroDivisionError):
        run("ps")


@pytest.mark.parametrize("error", [NotFound("no such thing"), BadSetting("[red]no[/red] such port")])
def test_errors_are_told_as_they_are(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(entry, "app", fails)
    assert run("ps") == 1
    assert capsys.readouterr().err == f"error: {error}\n"


def test_topics_that_differ_stop_the_start() -> None:
    from ops.fleet.provision import Provisioned
    from ops.local.errors import StackError

    system.require_as_written(Provisioned(["a"], 1, []))
    with pytest.raises(StackError, match=r"1 differences .*notify.x: 3 partitions, not 8"):
        system.require_as_written(Provisioned([], 1, [Difference("notify.x", "3 partitions, not 8")]))


def test_the_catalogue_has_a_line_for_every_topic() -> None:
    rows = [row_of(topic, 8) for topic in catalogue(("order",))]
    assert {"notify.requests", "notify.deliver.push.critical", "events.order"} <= {row["topic"] for row in rows}
    assert all(row["partitions"] == 8 for row in rows)


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"differences": [Difference("t", "missing")], "bytes": 3})
    assert json.loads(capsys.readouterr().out) == {"differences": [{"topic": "t", "what": "missing"}], "bytes": 3}


def test_cells() -> None:
    assert [cell(value) for value in (1234567, None, "", True, "x", 0)] == ["1,234,567", "-", "-", "True", "x", "0"]
    assert table("t", ("a", "b"), [(1, 2)], right=("b",)).row_count == 1
