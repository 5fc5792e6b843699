from collections import Counter
from io import StringIO
from pathlib import Path

from rich.console import Console

from ops.cli.chain import Answer
from ops.demo.report import Story, told
from ops.demo.sums import checks
from streams.intake.loader import load_triggers
from tests.unit.ops.demo.test_sums import SALE, facts, lose_a_plan


def story(**changes: object) -> Story:
    them = facts()
    fields: dict[str, object] = {
        "facts": them,
        "checks": list(checks(them, load_triggers())),
        "undone": Counter({"like": 1}),
        "inbox_user": "ann",
        "inbox": [{"when": "12:00:00", "title": "Hello", "body": "There."}],
        "why": Answer("ann", SALE, "", [], []),
        "rates": [{"event_type": "sale.started", "sent": 3, "failure_rate": 0.25}],
        "latency": [],
        "restarted_connector_s": 2.1,
        "restarted_members": [],
        "complete": True,
        "took_s": 50.0,
        "stages": {},
        "picture": Path("/home/demo/report.png"),
        "logs": Path("/home/logs"),
        "keeps_running": False,
    }
    return Story(**fields | changes)  # type: ignore[arg-type]


def said(it: Story) -> str:
    out = StringIO()
    Console(file=out, width=200, highlight=False).print(told(it))
    return out.getvalue()


def test_a_run_that_matched_says_so_and_where_to_look_next() -> None:
    text = said(story())
    assert story().matched
    for line in ("Every sum matches.", "/home/demo/report.png", f"carillon status {SALE}", "carillon up", "ann's inbox", "Hello"):
        assert line in text


def test_a_run_that_did_not_match_says_which_sum() -> None:
    them = facts()
    lose_a_plan(them)
    it = story(checks=list(checks(them, load_triggers())), restarted_members=["decide-1"])
    assert not it.matched
    text = said(it)
    assert "Some sums do not match." in text
    assert "≠" in text
    assert "Restarted on the way: decide-1." in text


def test_a_run_that_was_not_over_in_time_did_not_match() -> None:
    assert not story(complete=False).matched
    assert "Time was up" in said(story(complete=False))
