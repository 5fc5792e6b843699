import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.base import Item, Position
from projections.cassandra import statements
from projections.cassandra.blobs import unpack
from projections.cassandra.policy import Policy, Write
from projections.cassandra.rows import writes
from projections.cassandra.status_rows import by_bucket, month_of
from schemas.partition import bucket_of
from schemas.records import Audience, Outcome, Overrides, PushOverrides, Record, StatusBatch
from schemas.topics import DAY_MS
from tests.unit.projections.cassandra.store import Store
from tests.unit.projections.made import ACCEPTED, NOW, USERS, expanded, items, notification, requested, status_batch, status_batches

ROWS = Policy(blob_users=10_000)
BLOBS = Policy(blob_users=1, bucket_users=1)
MIXED = Policy(blob_users=3, bucket_users=2)
policies = st.sampled_from([ROWS, BLOBS, MIXED])
MANY = [f"user-{i}" for i in range(5000)]


def written(*records: Record, policy: Policy = ROWS, now: int = NOW) -> list[Write]:
    return list(writes(items(records), policy, now))


def of(statement: str, all_of: list[Write]) -> list[Write]:
    return [write for write in all_of if write.statement == statement]


@given(st.lists(status_batches(), min_size=1, max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_any_order_and_repetition_and_any_storage_tell_the_same_history(batches: list[StatusBatch], data: st.DataObject) -> None:
    again = data.draw(st.permutations([*batches, *data.draw(st.lists(st.sampled_from(batches), max_size=4))]))
    plain = Store(writes(items(batches), ROWS, NOW))
    for policy in (ROWS, BLOBS, MIXED):
        shuffled = Store(writes(items(again), policy, NOW + 5000))
        for user in USERS:
            assert shuffled.history(user) == plain.history(user)


@given(st.lists(status_batches(), min_size=1, max_size=3), policies, policies)
@settings(max_examples=30, deadline=None)
def test_a_policy_changed_between_two_readings_changes_no_history(batches: list[StatusBatch], one: Policy, other: Policy) -> None:
    both = Store([*writes(items(batches), one, NOW), *writes(items(batches), other, NOW)])
    once = Store(writes(items(batches), one, NOW))
    for user in USERS:
        assert both.history(user) == once.history(user)


def test_few_users_get_a_line_each_and_many_a_blob_per_bucket() -> None:
    few = written(status_batch(["a", "b"]), policy=Policy())
    assert [write.statement for write in few] == ["partition", "event", "history.sent", "history.sent"]
    same_bucket = [user for user in MANY if bucket_of(user) == 3][:2] * 1
    many = written(status_batch([*USERS, *same_bucket]), policy=Policy(bucket_users=2))
    blobs = of(statements.OUTCOMES, many)
    assert {write.values[0] for write in blobs} >= {3}
    in_blobs = [user for write in blobs for user in unpack(write.values[-3]).users]
    in_lines = [write.values[-4] for write in of("history.sent", many)]
    assert sorted([*in_blobs, *in_lines]) == sorted([*USERS, *same_bucket])
    assert all(len(unpack(write.values[-3]).users) > 1 for write in blobs)


def test_a_blob_holds_only_the_outcomes_of_its_users() -> None:
    groups = by_bucket(MANY)
    one, other = sorted(groups, key=lambda bucket: -len(groups[bucket]))[:2]
    users = [MANY[i] for i in groups[one]] + [MANY[i] for i in groups[other]]
    outcome_of = [0] * len(groups[one]) + [1] * len(groups[other])
    batch = status_batch(users, outcomes=[Outcome("sent"), Outcome("failed", "no_address")], outcome_of=outcome_of)
    blobs = {write.values[0]: unpack(write.values[-3]) for write in of(statements.OUTCOMES, written(batch, policy=BLOBS))}
    assert blobs[one].outcomes == [("sent", "", "")]
    assert blobs[other].outcomes == [("failed", "no_address", "")]


def test_an_unknown_status_is_kept_in_the_map() -> None:
    (line,) = of("history.other", written(status_batch(["a"], "seen_by_owl")))
    assert {"seen_by_owl": NOW - 1000} in line.values
    (entry,) = Store([line]).history("a")
    assert entry.milestones == {"seen_by_owl": NOW - 1000}
    assert entry.details["status"].value == "seen_by_owl"


def test_what_a_status_does_not_know_is_not_written_over() -> None:
    told = status_batch(
        ["a"], "delivered", at=NOW, provider="", attempt=0, profile_offsets=[-1], provider_message_ids=[], policy_version=""
    )
    (entry,) = Store(written(status_batch(["a"]), told)).history("a")
    details = {name: cell.value for name, cell in entry.details.items()}
    assert details == {
        "status": "delivered", "reason": "", "detail": "", "provider": "fcm", "provider_message_id": "m-a", "attempt": 1,
        "profile_offset": 0, "policy_version": "p1",
    }  # fmt: skip


def test_a_write_lives_until_its_time_however_late_it_is_made() -> None:
    for late in (0, 5 * DAY_MS, 80 * DAY_MS):
        (event,) = of(statements.EVENT, written(status_batch(["a"]), now=NOW + late))
        assert NOW + late + event.values[-1] * 1000 == NOW - 1000 + 90 * DAY_MS


def test_what_is_over_is_not_written() -> None:
    assert written(status_batch(["a"]), requested(), expanded(), now=NOW + 91 * DAY_MS) == []


def test_a_time_in_the_future_does_not_lengthen_a_life() -> None:
    (event,) = of(statements.EVENT, written(status_batch(["a"], at=NOW + 10 * DAY_MS)))
    assert event.values[-1] == 90 * DAY_MS // 1000


def test_in_app_messages_that_were_shown_come_into_the_inbox() -> None:
    batches = [
        status_batch(["a"], "sent", channel="in_app"),
        status_batch(["b"], "suppressed", channel="in_app"),
        status_batch(["c"], "sent", channel="push"),
        status_batch(["d"], "delivered", channel="in_app"),
    ]
    assert Store(written(*batches)).inbox == {("a", "n-1"), ("d", "n-1")}
    (message,) = of(statements.INBOX, written(batches[0]))
    assert message.values[:9] == ("a", ACCEPTED, "n-1", "spring-sale", 3, "promotional", {"title": "Spring"}, None, NOW - 1000)


def test_an_old_message_is_in_the_history_but_no_longer_in_the_inbox() -> None:
    late = written(status_batch(["a"], channel="in_app"), now=NOW + 40 * DAY_MS)
    assert [write.statement for write in late] == ["partition", "event", "history.sent"]


def test_never_expiring_is_storable() -> None:
    (header,) = written(requested(expires_at=253_402_300_799_000))
    assert header.values[12] == 4_102_444_800_000
    (header,) = written(requested())
    assert header.values[12] is None


def test_a_header_says_for_when_it_was() -> None:
    (header,) = written(requested(not_before=NOW + 5, local_minute=540))
    assert header.values[13:15] == (NOW + 5, 540)
    (header,) = written(requested())
    assert header.values[13:15] == (None, None)


def test_a_header_says_in_words_what_it_had_beside_its_text() -> None:
    (header,) = written(requested(overrides=Overrides(push=PushOverrides(image="https://shop.example/x.png"))))
    assert header.values[19].startswith("push.image #")
    (header,) = written(requested())
    assert header.values[19] is None


def test_the_first_request_wins() -> None:
    first, again = (written(requested(accepted_at=ACCEPTED + late))[0] for late in (0, 1000))
    assert first.values[-2] > again.values[-2]


def test_a_header_has_the_position_of_its_request() -> None:
    (header,) = writes([Item(requested(), Position("notify.requests", 5, 77))], ROWS, NOW)
    assert header.values[-5:-2] == ("notify.requests", 5, 77)


def test_the_timeline_counts_by_status_and_reason() -> None:
    outcomes = [Outcome("sent"), Outcome("failed", "no_address", "x"), Outcome("failed", "no_address", "y"), Outcome("shed")]
    (event,) = of(statements.EVENT, written(status_batch(list("abcd"), outcomes=outcomes, outcome_of=[0, 1, 2, 1])))
    assert event.values[10] == {"sent": 1, "failed:no_address": 3}


def test_an_empty_batch_and_records_of_other_types_write_nothing() -> None:
    assert written(status_batch([]), notification()) == []


def test_months_are_those_of_utc() -> None:
    assert month_of(1_798_761_599_999) == 202612
    assert month_of(1_798_761_600_000) == 202701


def test_a_release_is_no_chunk_more() -> None:
    assert len(written(expanded(held=4))) == 1
    assert written(expanded(users=4, last=False, hold_id="h")) == []


def test_the_first_part_of_a_list_is_its_header_and_says_how_many_all_parts_name() -> None:
    first = msgspec.structs.replace(requested(), audience=Audience(["a", "b"]), users_in_all=5)
    parts = written(first, msgspec.structs.replace(first, audience=Audience(["c", "d", "e"]), part=1))
    assert [write.values[15:17] for write in parts] == [(5, "")]
    (alone,) = written(msgspec.structs.replace(requested(), audience=Audience(["a", "b"])))
    assert alone.values[15:17] == (2, "")


def test_the_inbox_has_the_data_of_ones_own_in_rows_and_beside_buckets() -> None:
    batch = status_batch(["a", "b"], channel="in_app", data=[{"title": "A"}, {}])
    plain = {write.values[0]: write.values[6] for write in of(statements.INBOX, written(batch))}
    assert plain == {"a": {"title": "A"}, "b": {"title": "Spring"}}
    assert {write.values[0]: write.values[6] for write in of(statements.INBOX, written(batch, policy=BLOBS))} == plain
    assert of(statements.INBOX, written(msgspec.structs.replace(batch, data=[]), policy=BLOBS)) == []
    assert of(statements.INBOX, written(msgspec.structs.replace(batch, outcomes=[Outcome("failed")]), policy=BLOBS)) == []
