"""The oracle on people who are held: who is not due yet waits, and who was due and has no end is lost."""

import msgspec
import pytest

from schemas.records import AudienceExpanded, Outcome, StatusBatch
from schemas.topics import EXPANSIONS, FANOUTS, REQUESTS, STATUS
from tests.faults.asked import Asked
from tests.faults.log import Entry
from tests.faults.oracle import DELIVER, LEDGERS, Oracle, SandboxSays, Verdict
from tests.unit.streams.make import NID, NOW, notification, request

UNTIL, DUE = "2023-11-14T22:13:30+00:00", NOW + 10_000
CHANNEL = "in_app"


def told(status: str, user: str, at: int, detail: str = "") -> StatusBatch:
    outcome = Outcome(status, "", detail)
    return StatusBatch(
        status_id=f"{status}/{user}", notification=notification(channels=[CHANNEL]), channel=CHANNEL, users=[user], outcomes=[outcome],
        outcome_of=[0], profile_offsets=[0], at=at, caused_by_topic="t", caused_by_partition=0, caused_by_offset=0,
    )  # fmt: skip


def chunk(users: int, queued: int, deferred: int, hold: str = "") -> AudienceExpanded:
    return AudienceExpanded(NID, 0, 0, 1, not hold, users, {CHANNEL: queued}, {CHANNEL: 0}, NOW, 0, hold, {CHANNEL: deferred})


def judged(*records: object) -> Verdict:
    entries: dict[str, list[Entry]] = {topic: [] for topic in (REQUESTS, STATUS, EXPANSIONS, *FANOUTS, *DELIVER, *LEDGERS)}
    for number, record in enumerate([request(users=("ann", "bob"), channels=[CHANNEL]), *records]):
        topic = {StatusBatch: STATUS, AudienceExpanded: EXPANSIONS}.get(type(record), REQUESTS)
        entries[topic].append(Entry(topic, 0, number, NOW, b"", b"", record, str(record).encode()))  # type: ignore[arg-type]
    return Oracle(entries, Asked({"k": frozenset(["ann", "bob"])}, {"k": (CHANNEL,)})).judge(SandboxSays(0, {}, set()))


NIGHT = [chunk(2, 1, 1), told("sent", "ann", NOW), told("deferred", "bob", NOW, UNTIL)]


def test_who_is_not_due_yet_waits() -> None:
    verdict = judged(*NIGHT)
    assert verdict.holds, verdict.examples
    assert (verdict.waiting, verdict.by_status) == (1, {"sent": 1})


@pytest.mark.parametrize(("end", "wrong"), [([], {"lost": 1}), ([chunk(1, 1, 0, "h"), told("sent", "bob", DUE)], {})])
def test_who_was_due_has_an_end(end: list[object], wrong: dict[str, int]) -> None:
    verdict = judged(*NIGHT, *end, told("deferred", "ann", DUE, UNTIL))
    assert verdict.wrong == wrong, verdict.examples


def test_a_chunk_that_forgets_who_is_held_does_not_add_up() -> None:
    assert judged(chunk(2, 1, 0), *NIGHT[1:]).wrong == {"chunks that do not add up": 1}


def replayed(user: str, end: str) -> list[StatusBatch]:
    """What somebody was told, and that a replay took it back."""
    back = msgspec.structs.replace(told("deferred", user, NOW, "2023-11-14T22:13:20+00:00 replay r"), caused_by_topic=STATUS)
    return [told(end, user, NOW), back]


def test_whom_a_replay_reopened_has_one_end_and_not_two() -> None:
    both = [chunk(2, 2, 0), told("sent", "ann", NOW)]
    assert judged(*both, *replayed("bob", "failed"), told("sent", "bob", DUE)).holds
    assert judged(*both, *replayed("bob", "failed")).wrong == {"lost": 1}
    assert "reopened without an end that may be" in judged(*both, *replayed("bob", "suppressed"), told("sent", "bob", DUE)).wrong
