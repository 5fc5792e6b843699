"""The oracle on campaigns under control: it is told so when somebody waits, and finds who is lost all the same."""

from typing import Any

import pytest

from schemas.records import ControlCampaign, DeliverBatch, Record
from schemas.topics import FANOUT, FANOUT_URGENT, deliver_topic
from tests.faults.log import Entry
from tests.faults.obeyed import judge_cancels, paused
from tests.unit.streams.make import NID, batch, control

PUSH = deliver_topic("push", "normal")


def entry(topic: str, offset: int, record: Record, partition: int = 0) -> Entry:
    return Entry(topic, partition, offset, 0, b"k", None, record)


def log(*told: ControlCampaign, batches: tuple[tuple[int, int], ...] = (), lane: str = FANOUT) -> dict[str, list[Entry]]:
    """Commands at offsets 10, 11, ... of partition 0; batches by (partition, offset of their command)."""
    handed: list[Any] = [DeliverBatch("b", batch().notification, "push", ["u"], [0], "p", 0, offset) for _, offset in batches]
    return {
        lane: [entry(lane, 10 + number, one) for number, one in enumerate(told)],
        PUSH: [entry(PUSH, number, one, partition) for number, ((partition, _), one) in enumerate(zip(batches, handed, strict=True))],
    }


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        ([], False),
        ([control("pause", 1)], True),
        ([control("pause", 1), control("resume", 2)], False),
        ([control("pause", 2), control("resume", 1)], True),
        ([control("resume", 1), control("pause", 1, command_id="z")], True),
        ([control("pause", 1), control("cancel", 0)], False),
        ([control("pause", 1), control("rate", 2)], True),
    ],
)
def test_who_waits(told: list[ControlCampaign], waits: bool) -> None:
    assert paused(log(*told)) == ({NID} if waits else set())


def blamed(entries: dict[str, list[Entry]]) -> int:
    found: list[object] = []
    judge_cancels(entries, (PUSH,), lambda what, about: found.append(about))
    return len(found)


def test_who_is_handed_over_after_a_cancel_is_found() -> None:
    told = (control("pause", 1), control("cancel", 2), control("cancel", 3))
    assert blamed(log(*told, batches=((0, 9), (0, 10)))) == 0
    assert blamed(log(*told, batches=((0, 9), (0, 12), (0, 13)))) == 2
    assert blamed(log(*told, batches=((1, 12),))) == 0, "another partition has not heard of it"
    assert blamed(log(*told, batches=((0, 12),), lane=FANOUT_URGENT)) == 0, "that lane is not the notification's"
