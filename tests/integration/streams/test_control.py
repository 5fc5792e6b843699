"""Campaigns that are paused, resumed and cancelled while they run: everybody is met once, and nobody is sent to after a cancel."""

import signal
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from ops.audit.report import ChannelSums
from ops.audit.run import audit_log
from ops.cli import controlling
from ops.cli.logtail import consumer
from ops.cli.producing import LogProducer
from schemas.clock import now_ms
from schemas.partition import partition_of
from schemas.records import ControlCampaign, Device, Priority, ProfileChanged, ProfilesChanged
from schemas.topics import CANCELS, DEFAULT_PARTITIONS, EXPANSIONS, FANOUT, PROFILE_EVENTS, PROFILES, STATUS, campaigns_topic, deliver_topic
from streams.audience.control import CANCELLED, PAUSED, Campaign
from tests.faults.log import LogView
from tests.integration.streams.conftest import CHUNK, Pipeline
from tests.integration.streams.test_pipeline import ask

pytestmark = pytest.mark.timeout(300)

USERS = 8000
PUSH = deliver_topic("push", Priority.LOW)
TAG = f"control-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def crowd(pipeline: Pipeline) -> list[str]:
    """Thousands of users with a phone each."""
    users = [f"{TAG}-{number}" for number in range(USERS)]
    homes: dict[int, list[ProfileChanged]] = {}
    for user in users:
        change = ProfileChanged(user, "import", 0, now_ms(), tags=[TAG], devices=[Device("ios", f"tok-{user}")])
        homes.setdefault(partition_of(user, DEFAULT_PARTITIONS), []).append(change)
    for partition, changes in homes.items():
        for start in range(0, len(changes), 500):
            pipeline.log.write(PROFILE_EVENTS, ProfilesChanged(changes[start : start + 500]), key=TAG, partition=partition)
    pipeline.log.until(lambda: len(pipeline.log.of(PROFILES, lambda one: TAG in one.tags)) >= USERS, "not all profiles are there")
    return users


@pytest.fixture
def states(pipeline: Pipeline) -> Iterator[LogView]:
    """What the step says of campaigns, to itself and to delivery."""
    view = LogView(pipeline.endpoints, [campaigns_topic(FANOUT), CANCELS])
    yield view
    view.close()


def control(pipeline: Pipeline, nid: str, action: str) -> ControlCampaign:
    """Written as the command line does."""
    command = ControlCampaign(notification_id=nid, command_id=str(uuid.uuid4()), action=action, by="test", at=now_ms())
    controlling.write(command, LogProducer(pipeline.endpoints.kafka), pipeline.log.codec, DEFAULT_PARTITIONS)
    return command


def begun(pipeline: Pipeline) -> str:
    """A campaign to all of them, of which some are decided."""
    nid = ask(pipeline, expression=f"tag:{TAG}", channels=["push"], category="promotional", priority=Priority.LOW)
    pipeline.log.until(lambda: decided(pipeline, nid), "nobody is decided")
    return nid


def decided(pipeline: Pipeline, nid: str) -> int:
    return sum(one.users for one in pipeline.log.of(EXPANSIONS, lambda one: one.notification_id == nid))


def told(pipeline: Pipeline, nid: str) -> Counter[tuple[str, str]]:
    """How often each user was told what."""
    found: Counter[tuple[str, str]] = Counter()
    for status in pipeline.log.of(STATUS, lambda one: one.notification.notification_id == nid):
        found.update((user, status.outcomes[number].status) for user, number in zip(status.users, status.outcome_of, strict=True))
    return found


def obeyed(pipeline: Pipeline, states: LogView, nid: str, state: str) -> None:
    """Wait until every partition is in a state, and whoever was decided has an end."""

    def reached() -> bool:
        states.poll(0.05)
        last = {one.partition: one.value for one in states.entries[campaigns_topic(FANOUT)] if one.key == nid.encode() and one.value}
        here = {partition: msgspec.msgpack.decode(value, type=Campaign) for partition, value in last.items()}
        if [one.state for one in here.values()] != [state] * DEFAULT_PARTITIONS:
            return False
        if state == PAUSED and not all(all_before(pipeline, nid, partition, one.held) for partition, one in here.items()):
            return False
        return sum(told(pipeline, nid).values()) == decided(pipeline, nid)

    pipeline.log.until(reached, f"not all are {state}")


def all_before(pipeline: Pipeline, nid: str, partition: int, held: Sequence[str]) -> bool:
    """Whether every chunk is told of that was decided before the one that is held, or all of them: a table may be read before the rest."""
    chunks = pipeline.log.of(EXPANSIONS, lambda one: one.notification_id == nid and one.partition == partition)
    if held:
        return {one.chunk for one in chunks} == set(range(int(held[0])))
    return any(one.last for one in chunks)


def audited(pipeline: Pipeline, nid: str) -> tuple[bool, ChannelSums]:
    """Nothing is under way, and everything adds up: whether it is through, and its sums."""
    report = audit_log(pipeline.endpoints.kafka, pipeline.endpoints.registry, notification=nid, settled=True)
    assert report.violations == []
    return report.notifications[nid].expanded, report.notifications[nid].channels["push"]


def test_paused_in_the_middle_and_resumed_everyone_is_met_once(pipeline: Pipeline, crowd: list[str], states: LogView) -> None:
    nid = begun(pipeline)
    control(pipeline, nid, "pause")
    obeyed(pipeline, states, nid, PAUSED)
    some = decided(pipeline, nid)
    assert 0 < some < USERS
    through, sums = audited(pipeline, nid)
    assert (through, sums.audience, sums.outcomes, sums.pending) == (False, some, {"sent": some}, 0)
    assert pipeline.received(nid, "push") == some
    with consumer(pipeline.endpoints.kafka) as log:
        stands = controlling.read(log, nid, FANOUT)
        assert stands is not None
        assert (stands.states, controlling.read(log, "no-such", FANOUT)) == ({PAUSED: DEFAULT_PARTITIONS}, None)
        assert stands.waiting > 0
    control(pipeline, nid, "resume")
    pipeline.log.until(lambda: sum(told(pipeline, nid).values()) >= USERS, "not all are told")
    assert told(pipeline, nid) == dict.fromkeys(((user, "sent") for user in crowd), 1)
    through, sums = audited(pipeline, nid)
    assert (through, sums.audience, sums.outcomes) == (True, USERS, {"sent": USERS})
    assert pipeline.received(nid, "push") == USERS


def test_cancelled_in_the_middle_the_sums_are_exact_and_nobody_is_sent_to_after_it(
    pipeline: Pipeline, crowd: list[str], states: LogView
) -> None:
    control(pipeline, "no-such-notification", "cancel")
    nid = begun(pipeline)
    command = control(pipeline, nid, "cancel")
    control(pipeline, nid, "resume")
    obeyed(pipeline, states, nid, CANCELLED)
    pipeline.log.until(lambda: sum(told(pipeline, nid).values()) >= USERS, "not all are told")
    ends = told(pipeline, nid)
    assert set(ends.values()) == {1}
    by_status = Counter(status for _, status in ends)
    assert {user for user, _ in ends} == set(crowd)
    assert by_status["sent"] > 0
    assert by_status["cancelled"] > CHUNK
    assert by_status == {"sent": by_status["sent"], "cancelled": USERS - by_status["sent"]}
    cancels = {
        entry.partition: entry.offset
        for entry in pipeline.log.entries(FANOUT)
        if isinstance(entry.record, ControlCampaign) and entry.record.command_id == command.command_id
    }
    assert len(cancels) == DEFAULT_PARTITIONS
    handed: list[Any] = [entry for entry in pipeline.log.entries(PUSH) if entry.record]
    mine = [entry for entry in handed if entry.record.notification.notification_id == nid]
    assert mine
    assert all(entry.record.fanout_offset < cancels[entry.partition] for entry in mine)
    through, sums = audited(pipeline, nid)
    assert (through, sums.audience, sums.outcomes, sums.pending) == (True, USERS, dict(by_status), 0)
    assert pipeline.received(nid, "push") == by_status["sent"]


def test_cancelled_while_delivery_is_behind_nobody_is_sent_to_who_was_not_yet(
    pipeline: Pipeline, crowd: list[str], states: LogView
) -> None:
    pipeline.workers.end(["bulk"], signal.SIGTERM)
    try:
        nid = begun(pipeline)
        pipeline.log.until(lambda: decided(pipeline, nid) >= USERS, "not all are handed over")
        control(pipeline, nid, "cancel")

        def heard() -> bool:
            states.poll(0.05)
            return {one.partition for one in states.entries[CANCELS] if one.key == nid.encode()} == set(range(DEFAULT_PARTITIONS))

        pipeline.log.until(heard, "not every partition has the cancel")
    finally:
        pipeline.workers.start(["bulk"])
    pipeline.log.until(lambda: sum(told(pipeline, nid).values()) >= USERS, "not all are told")
    assert told(pipeline, nid) == dict.fromkeys(((user, "cancelled") for user in crowd), 1)
    through, sums = audited(pipeline, nid)
    assert (through, sums.audience, sums.outcomes, sums.pending) == (True, USERS, {"cancelled": USERS}, 0)
    assert pipeline.received(nid, "push") == 0
