"""What a replay writes, in which order, and what becomes of it when it is killed, called again, or not alone."""

import pytest
from msgspec.structs import replace

from ops.replay.found import Found
from ops.replay.run import Replay
from schemas import ids
from schemas.records import ExpandAudience, Outcome, ReplayEnded, ReplayStarted, StatusBatch
from schemas.topics import FANOUT, FANOUT_URGENT, REPLAYS, STATUS
from streams.delivery.handed_back import command_of
from tests.unit.ops.replay.made import CHOSEN, CODEC, DOWN, MemoryLog, handed, replay, sent, told, whys

SENT = Outcome("sent")


def three(log: MemoryLog, **changed: object) -> StatusBatch:
    """Ann was sent to, Bob and Cid were not."""
    return told(log, handed(log, "ann", "bob", "cid", **changed), SENT, DOWN, DOWN)


def reopenings(log: MemoryLog) -> list[StatusBatch]:
    return [one for one in log.all(STATUS, StatusBatch) if isinstance(one, StatusBatch) and one.caused_by_topic == STATUS]


def commands(log: MemoryLog) -> list[ExpandAudience]:
    return [one for one in log.all(FANOUT, ExpandAudience) if isinstance(one, ExpandAudience)]


def test_it_reopens_those_who_failed_and_hands_them_back_to_the_decision() -> None:
    log = MemoryLog()
    before = three(log)
    assert sent(log) == {"go": 2, "resumed": 0, "already_sent": 1}
    (status,), (command,) = reopenings(log), commands(log)
    hold = ids.replay_id("b-1", 0)
    assert (status.status_id, status.users, status.batch_id) == (ids.deferred_id(hold, "push"), ["bob", "cid"], "b-1")
    assert (status.caused_by_partition, status.caused_by_offset, status.at > before.at) == (0, 0, True)
    (outcome,) = status.outcomes
    assert outcome.status == "deferred"
    assert outcome.reason == "replayed"
    assert outcome.detail.endswith("replay r: failed provider_unavailable")
    assert (command.users, command.channels, command.hold_id) == (["bob", "cid"], ["push"], hold)
    assert (command.attempts, command.tried_since, command.partitions, command.last) == (0, 0, 1, False)


def test_it_begins_the_retries_anew_and_keeps_what_was_counted() -> None:
    log = MemoryLog()
    batch, _ = handed(log, "ann", "bob")
    offset = log.put("notify.deliver.push.normal", "b-1", replace(batch, attempts=7, tried_since=5, counted_on=[1, 2]))
    told(log, (batch, offset), DOWN, DOWN)
    sent(log)
    (command,) = commands(log)
    assert (command.attempts, command.tried_since, command.counted) == (0, 0, [False, True])


def test_what_is_critical_is_handed_to_the_urgent_lane() -> None:
    log = MemoryLog()
    three(log, priority="critical", channels=["push"])
    sent(log)
    assert (log.end(FANOUT_URGENT, 0), log.end(FANOUT, 0)) == (1, 0)


def test_it_is_itself_on_the_log() -> None:
    log = MemoryLog()
    three(log)
    one = replay(log)
    one.send(one.look(), "ann", {"channel": "push"}, 50, lambda seconds: None, lambda done: None)
    first, last = [CODEC.decode_one_of(value, (ReplayStarted, ReplayEnded)) for _, value in log.topics[REPLAYS]]
    assert isinstance(first, ReplayStarted)
    assert (first.replay_id, first.by, first.filters, first.rate) == ("r", "ann", {"channel": "push"}, 50)
    assert isinstance(last, ReplayEnded)
    assert (last.replay_id, last.counts) == ("r", {"already_sent": 1, "go": 2, "resumed": 0})


def test_to_look_writes_nothing() -> None:
    log = MemoryLog()
    three(log)
    before = {topic: list(records) for topic, records in log.topics.items()}
    assert replay(log).look().going == 2
    assert log.topics == before


def test_a_second_one_finds_nobody() -> None:
    log = MemoryLog()
    three(log)
    sent(log)
    assert sent(log, "again") == {"go": 0, "resumed": 0, "already_sent": 1, "under_way": 2}
    assert (len(reopenings(log)), len(commands(log))) == (1, 1)


def test_one_that_was_killed_before_its_commands_is_finished_by_the_next() -> None:
    log = MemoryLog()
    three(log)
    sent(log)
    (written,) = log.topics.pop(FANOUT)
    found = replay(log).look()
    assert (found.going, found.unfinished) == (0, 2)
    assert sent(log, "next")["resumed"] == 2
    assert log.topics[FANOUT] == [written], "the same bytes"
    assert len(reopenings(log)) == 1


def test_who_failed_again_is_sent_again_under_another_id() -> None:
    log = MemoryLog()
    three(log)
    sent(log)
    told(log, handed(log, "bob", "cid", batch_id=ids.batch_id("n", 0, ids.replay_id("b-1", 0), "push")), DOWN, SENT)
    assert sent(log, "again") == {"go": 1, "resumed": 0, "already_sent": 2}
    assert [one.users for one in commands(log)] == [["bob", "cid"], ["bob"]]
    assert len({one.hold_id for one in commands(log)}) == 2


@pytest.mark.parametrize("rate", [1, 2])
def test_it_takes_so_many_users_a_second_and_cuts_batches_for_it(rate: int) -> None:
    log, waits, seen = MemoryLog(), list[float](), list[int]()
    told(log, handed(log, "ann", "bob", "cid", "dan"), DOWN, DOWN, DOWN, DOWN)
    one = replay(log)
    one.send(one.look(), "", {}, rate, waits.append, seen.append)
    assert seen == list(range(rate, 5, rate))
    assert waits == [done / rate for done in seen[:-1]], "the clock of this test stands still"
    assert [user for command in commands(log) for user in command.users] == ["ann", "bob", "cid", "dan"]
    assert len({command.hold_id for command in commands(log)}) == 4 // rate


class Interleaved(MemoryLog):
    """Another replay of other people of the same batch writes its statuses right before this one does."""

    def __init__(self) -> None:
        super().__init__()
        self.other: tuple[Replay, Found] | None = None

    def write(self, records):  # type: ignore[no-untyped-def]
        if self.other is not None and records and records[0].topic == STATUS:
            (one, found), self.other = self.other, None
            one.send(found, "", {}, 1, lambda seconds: None, lambda done: None)
        super().write(records)


def test_of_two_at_once_the_first_status_counts_and_nobody_is_handed_over_twice_or_lost() -> None:
    log = Interleaved()
    told(log, handed(log, "ann", "bob", "cid"), DOWN, DOWN, DOWN)
    other = replay(log, "other")
    log.other = other, other.look()
    sent(log, "mine")
    handed_over = {command.hold_id: command.users for command in commands(log)}
    users = [user for some in handed_over.values() for user in some]
    assert sorted(users) == ["ann", "bob", "cid"]
    for hold in handed_over:
        assert len({tuple(command.users) for command in commands(log) if command.hold_id == hold}) == 1
    assert whys(log) == {"under_way": 3}


def test_a_command_is_what_delivery_hands_back() -> None:
    log = MemoryLog()
    batch, offset = handed(log, "ann", "bob")
    told(log, (batch, offset), DOWN, DOWN)
    sent(log, chosen=replace(CHOSEN, provider="acme"))
    (command,) = commands(log)
    assert command == command_of(batch, [0, 1], command.hold_id)
