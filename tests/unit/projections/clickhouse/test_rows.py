import re
from importlib.resources import files
from itertools import chain

import msgspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.clickhouse.rows import EXPANSIONS, NOTIFICATIONS, STATUS_EVENTS, inserts
from schemas.records import Audience, Outcome, StatusBatch
from tests.unit.projections.made import ACCEPTED, NOW, expanded, items, requested, status_batch, status_batches

DDL = (files("projections.clickhouse") / "migrations" / "0001_tables.sql").read_text()
COMPUTED = {"latency_ms", "version"}


def columns(table: str) -> set[str]:
    body = DDL.partition(f"CREATE TABLE IF NOT EXISTS {table} (")[2].partition("\n)")[0]
    return {name for name in re.findall(r"^    (\w+) ", body, re.MULTILINE) if name != "INDEX"} - COMPUTED


@given(st.lists(status_batches(), min_size=1, max_size=6))
@settings(deadline=None)
def test_every_user_of_every_batch_is_a_row_that_says_the_same(batches: list[StatusBatch]) -> None:
    rows = list(chain.from_iterable(insert.rows.to_pylist() for insert in inserts(items(batches), 1_000_000)))
    expected = [
        (batch.notification.notification_id, user, batch.channel, outcome.status, outcome.reason, profile_offset, offset, item, by)
        for offset, batch in enumerate(batches)
        for called in [[batch.providers[number] for number in batch.provider_of] or [batch.provider] * len(batch.users)]
        for item, (user, k, profile_offset, by) in enumerate(zip(batch.users, batch.outcome_of, batch.profile_offsets, called, strict=True))
        for outcome in [batch.outcomes[k]]
    ]
    keys = ("notification_id", "user_id", "channel", "status", "reason", "profile_offset", "offset", "item", "provider")
    assert [tuple(row[key] for key in keys) for row in rows] == expected


def test_the_columns_are_those_of_the_tables() -> None:
    records = [status_batch(["a"]), requested(), expanded()]
    made = {insert.table: set(insert.rows.column_names) for insert in inserts(items(records), 100)}
    assert made == {table: columns(table) for table in (STATUS_EVENTS, NOTIFICATIONS, EXPANSIONS)}


def test_a_row_in_full() -> None:
    batch = status_batch(["a", "b"], outcomes=[Outcome("failed", "no_address", "gone")], provider_message_ids=[])
    (insert,) = inserts(items([batch]), 100)
    row = insert.rows.to_pylist()[1]
    times = {name: round(row.pop(name).timestamp() * 1000) for name in ("at", "occurred_at", "accepted_at")}
    assert times == {"at": NOW - 1000, "occurred_at": ACCEPTED - 5, "accepted_at": ACCEPTED}
    assert row == {
        "notification_id": "n-1", "user_id": "b", "channel": "push", "status": "failed", "reason": "no_address", "detail": "gone",
        "provider": "fcm", "provider_message_id": "", "attempt": 1, "event_type": "sale.started", "campaign": "spring",
        "category": "promotional", "priority": "low", "template_id": "spring-sale", "template_version": 3, "source": "events.sale",
        "policy_version": "p1", "profile_offset": 1, "batch_id": "b-1", "status_id": "s-sent", "topic": "notify.status", "partition": 0,
        "offset": 0, "item": 1,
    }  # fmt: skip


def test_inserts_are_cut_at_batches() -> None:
    batches = [status_batch(list("abc"), status_id=str(i)) for i in range(5)]
    assert [insert.rows.num_rows for insert in inserts(items(batches), 7)] == [6, 6, 3]
    assert [insert.rows.num_rows for insert in inserts(items(batches), 1)] == [3] * 5


def test_dictionaries_hold_each_value_once() -> None:
    outcomes = [Outcome("sent"), Outcome("sent", "", "x"), Outcome("sent", "", "y")]
    (insert,) = inserts(items([status_batch(list("abc"), outcomes=outcomes, outcome_of=[0, 1, 2])] * 2), 100)
    for column in insert.rows.columns:
        for chunk in column.chunks:
            if pa.types.is_dictionary(chunk.type):
                assert len(set(chunk.dictionary.to_pylist())) == len(chunk.dictionary)


def test_a_release_is_no_chunk_more() -> None:
    (insert,) = inserts(items([expanded(held=4), expanded(users=4, last=False, hold_id="h")]), 10)
    assert insert.rows.column("users").to_pylist() == [10]


def test_nothing_to_insert() -> None:
    assert list(inserts([], 10)) == []
    assert list(inserts(items([status_batch([])]), 10)) == []


def test_maps_and_lists() -> None:
    (insert,) = inserts(items([requested(expires_at=None)]), 10)
    row = insert.rows.to_pylist()[0]
    assert (row["channels"], row["data"], row["expires_at"]) == (["push", "in_app"], [("title", "Spring")], None)


def test_a_list_in_parts_is_one_row_with_the_number_of_all_users() -> None:
    first = msgspec.structs.replace(requested(), audience=Audience(["a", "b"]), users_in_all=5)
    second = msgspec.structs.replace(first, audience=Audience(["c", "d", "e"]), part=1)
    (insert,) = inserts(items([first, second]), 10)
    assert insert.rows.to_pydict()["audience_users"] == [5]
    assert list(inserts(items([second]), 10)) == []
