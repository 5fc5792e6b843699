"""The oracle on digests: each that somebody is in is made once, of exactly those, and has an end of its own."""

from collections.abc import Sequence

import pytest

from schemas.records import AudienceExpanded, NotificationRequested, Outcome, StatusBatch
from schemas.topics import EXPANSIONS, FANOUTS, REQUESTS, STATUS
from tests.faults.asked import Asked
from tests.faults.log import Entry
from tests.faults.oracle import DELIVER, LEDGERS, Oracle, SandboxSays, Verdict
from tests.unit.streams.make import NOW, request

CHANNEL = "in_app"


def asked(name: str, source: str = "test", count: str = "", key: str = "") -> NotificationRequested:
    data = {"digest_count": count} if count else {}
    return request(users=("ann",), key=key or name, notification_id=name, source=source, channels=[CHANNEL], data=data)


def told(name: str, status: str, detail: str = "") -> StatusBatch:
    return StatusBatch(
        status_id=f"{name}/{status}", notification=asked(name).notification, channel=CHANNEL, users=["ann"],
        outcomes=[Outcome(status, "", detail)], outcome_of=[0], profile_offsets=[0], at=NOW, caused_by_topic="t", caused_by_partition=0,
        caused_by_offset=0,
    )  # fmt: skip


LIKES = ("n-1", "n-2")
CHUNKS = [AudienceExpanded(name, 0, 0, 1, True, 1, {CHANNEL: 0}, {CHANNEL: 1}, NOW, 0) for name in LIKES]
JOINED = [*map(asked, LIKES), *CHUNKS, *[told(name, "digested", "d") for name in LIKES]]
MADE = [asked("d", "digest", "2"), told("d", "sent")]


def judged(records: Sequence[object]) -> Verdict:
    entries: dict[str, list[Entry]] = {topic: [] for topic in (REQUESTS, STATUS, EXPANSIONS, *FANOUTS, *DELIVER, *LEDGERS)}
    for number, record in enumerate(records):
        topic = {StatusBatch: STATUS, AudienceExpanded: EXPANSIONS}.get(type(record), REQUESTS)
        entries[topic].append(Entry(topic, 0, number, NOW, b"", b"", record, str(record).encode()))  # type: ignore[arg-type]
    everybody = dict.fromkeys(LIKES, frozenset(["ann"]))
    return Oracle(entries, Asked(everybody, dict.fromkeys(LIKES, (CHANNEL,)))).judge(SandboxSays(0, {}, set()))


def test_a_digest_of_those_who_are_in_it_is_right() -> None:
    verdict = judged([*JOINED, *MADE])
    assert verdict.holds, verdict.examples
    assert verdict.by_status == {"digested": 2, "sent": 1}


@pytest.mark.parametrize(
    ("records", "wrong"),
    [
        (JOINED, "digests that were never made"),
        ([*JOINED, MADE[0]], "lost"),
        ([*JOINED, asked("d", "digest", "1"), MADE[1]], "digests of others than those in them"),
        ([*JOINED, *MADE, asked("e", "digest", "1"), told("e", "sent")], "digests of others than those in them"),
        ([*JOINED, *MADE, told("d", "failed")], "recipients with two statuses"),
    ],
)
def test_what_is_wrong_is_found(records: list[object], wrong: str) -> None:
    assert set(judged(records).wrong) == {wrong}
