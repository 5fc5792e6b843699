from itertools import permutations
from types import SimpleNamespace

from projections.cassandra.blobs import pack, recipients_of
from projections.cassandra.timeline import Counts, Progress, add_counts, progress, why
from schemas.records import Outcome, StatusBatch
from schemas.topics import STATUS
from tests.unit.projections.cassandra.store import moment
from tests.unit.projections.made import NOW, expanded, status_batch


def row(batch: StatusBatch, offset: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        at=moment(batch.at), channel=batch.channel, tally={}, users=len(batch.users), provider=batch.provider, attempt=batch.attempt,
        policy_version=batch.policy_version, batch_id=batch.batch_id, status_id=batch.status_id, record_topic="notify.status", partition=3,
        record_offset=offset, caused_by_topic=batch.caused_by_topic, caused_by_partition=0, caused_by_offset=0,
        recipients=pack(recipients_of(batch)),
    )  # fmt: skip


def test_recipients_are_counted_once_however_often_they_met_a_status() -> None:
    mixed = status_batch(["a", "b", "c"], outcomes=[Outcome("sent"), Outcome("failed", "x"), Outcome("failed", "y")], outcome_of=[0, 1, 2])
    counts: Counts = {}
    add_counts(counts, [row(mixed), row(status_batch(["a", "b"])), row(status_batch(["a"], channel="email"))])
    add_counts(counts, [row(status_batch(["z"]))])
    assert counts == {"push": {"sent": 3, "failed": 2}, "email": {"sent": 1}}


def test_who_was_deferred_and_has_an_end_is_deferred_no_more() -> None:
    counts: Counts = {}
    add_counts(
        counts, [row(status_batch(["a", "b", "c"], "deferred")), row(status_batch(["a"])), row(status_batch(["b"], channel="email"))]
    )
    assert counts == {"push": {"deferred": 2, "sent": 1}, "email": {"sent": 1}}


def test_what_a_replay_reopened_is_no_end_whichever_row_comes_first() -> None:
    failed = status_batch(["a", "b", "c"], "failed")
    again = status_batch(["a", "b"], "deferred", caused_by_topic=STATUS)
    after = status_batch(["a"], batch_id="b-2")
    other = status_batch(["d"], "failed", batch_id="b-3")
    for rows in permutations([failed, again, after, other]):
        counts: Counts = {}
        add_counts(counts, map(row, rows))
        assert counts == {"push": {"failed": 2, "deferred": 1, "sent": 1}}


def test_why_tells_everything_about_one_user_in_order() -> None:
    first, then = status_batch(["a", "b"], "failed", at=NOW - 9), status_batch(["a"], "sent", at=NOW)
    told = why([row(then, 8), row(first, 4)], "a")
    assert [(it.status, it.event.topic, it.event.partition, it.event.offset) for it in told] == [
        ("failed", "notify.status", 3, 4),
        ("sent", "notify.status", 3, 8),
    ]
    assert told[1].provider_message_id == "m-a"


def test_an_audience_is_complete_when_every_partition_had_its_last_chunk() -> None:
    chunks = [expanded(0, 0, last=False, partitions=2), expanded(0, 1, partitions=2)]
    assert progress(chunks) == Progress(20, 2, False, {"push": 18}, {"push": 2})
    assert progress([*chunks, expanded(1, 0, partitions=2)]).complete
    assert progress([]) == Progress(0, 0, False, {}, {})
