"""What `carillon replay` is asked for is checked before anything is read; what was asked before is told."""

import pytest

from ops.cli.errors import BadRequest
from ops.cli.replaying import chosen_of, filters_of, runs_of
from schemas.records import ReplayEnded, ReplayStarted

NOW = 1_769_860_800_000
"""2026-01-31T12:00 in UTC."""


def test_what_is_chosen() -> None:
    filters = filters_of("failed", "", "push", "", "promotional", ["b", "a"])
    assert filters == {"status": "failed", "channel": "push", "category": "promotional", "reason": "a,b"}
    chosen = chosen_of("2h", "2026-01-31T11:30", filters, NOW)
    assert (NOW - chosen.since, NOW - chosen.until) == (7_200_000, 1_800_000)
    assert (chosen.channel, chosen.provider, chosen.category, chosen.reasons) == ("push", "", "promotional", frozenset("ab"))
    assert chosen_of("2h", "", {}, NOW).until == NOW


@pytest.mark.parametrize(
    ("begin", "end", "said"), [("", "", "since when"), ("1h", "2h", "not before"), ("soon", "", "--from soon"), ("2h", "x", "--to x")]
)
def test_what_can_not_be_asked_for(begin: str, end: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        chosen_of(begin, end, {}, NOW)


def test_only_failed_and_unknown_are_reopened() -> None:
    with pytest.raises(BadRequest, match="suppressed"):
        filters_of("suppressed", "", "", "", "", [])


def test_replays_and_what_they_came_to() -> None:
    started = [ReplayStarted(replay_id=name, at=NOW, filters={"status": "failed", "channel": "push"}) for name in ("a", "b")]
    first, second = runs_of([*started, ReplayEnded(replay_id="b", at=NOW, counts={"go": 1200, "expired": 1})])
    assert (first.of, first.became) == ("channel push, status failed", "not ended")
    assert second.became == "expired 1, go 1,200"
