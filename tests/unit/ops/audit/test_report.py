"""What people and programs are told."""

from datetime import UTC, datetime

import msgspec
import pytest
from rich.console import Console

from ops.audit.model import Place
from ops.audit.report import SHOWN_PER_KIND, Findings
from ops.cli.audited import document, rendered, totals
from ops.cli.errors import BadRequest
from ops.cli.times import moment
from schemas.topics import STATUS
from tests.unit.ops.audit.world import consistent, judge

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
AT_MS = 1_769_860_800_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90m", AT_MS - 5_400_000),
        ("2h", AT_MS - 7_200_000),
        ("1d", AT_MS - 86_400_000),
        ("2026-01-31T12:00", AT_MS),
        ("2026-01-31T13:00+01:00", AT_MS),
    ],
)
def test_since(text: str, ms: int) -> None:
    assert moment("--since", text, AT_MS) == ms


def test_since_what() -> None:
    with pytest.raises(BadRequest, match="yesterday"):
        moment("--since", "yesterday", AT_MS)


def test_all_are_counted_and_some_are_named() -> None:
    one, other = Findings(), Findings()
    for findings in (one, other):
        for offset in range(SHOWN_PER_KIND - 1):
            findings.blame("sum", "", Place(STATUS, 0, offset))
    one.add(other)
    assert one.counts == {"sum": 2 * (SHOWN_PER_KIND - 1)}
    assert SHOWN_PER_KIND <= len(one.violations) <= 2 * SHOWN_PER_KIND


def test_people_see_the_place_of_a_violation() -> None:
    world = consistent()
    status = world.find(STATUS, lambda it: it.batch_id)
    place = world.again(status, provider="other").place
    console = Console(width=200)
    with console.capture() as capture:
        console.print(rendered(judge(world)))
    assert f"{STATUS}/{place.partition}/{place.offset}" in capture.get()
    assert "status_changed" in capture.get()


def test_programs_get_the_same() -> None:
    report = judge(consistent())
    told = msgspec.json.decode(msgspec.json.encode(document(report)))
    assert told["green"] is True
    assert told["sums"]["push"]["audience"] == totals(report)["push"].audience == 60
