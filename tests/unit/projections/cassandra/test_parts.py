"""A status batch of several providers, as one for each."""

from hypothesis import given

from projections.cassandra.parts import parts_of
from projections.checks import check
from schemas.records import StatusBatch
from tests.unit.projections.made import status_batch, status_batches

Row = tuple[str, str, str, str, int, str]


def rows(batch: StatusBatch) -> list[Row]:
    names = [batch.providers[number] for number in batch.provider_of] or [batch.provider] * len(batch.users)
    messages = batch.provider_message_ids or [""] * len(batch.users)
    outcomes = [batch.outcomes[number] for number in batch.outcome_of]
    columns = zip(batch.users, names, outcomes, batch.profile_offsets, messages, strict=True)
    return [(user, name, outcome.status, outcome.reason, offset, message) for user, name, outcome, offset, message in columns]


@given(status_batches())
def test_the_parts_say_what_the_batch_says_each_of_one_provider(batch: StatusBatch) -> None:
    parts = parts_of(batch)
    assert sorted(row for part in parts for row in rows(part)) == sorted(rows(batch))
    assert len({part.status_id for part in parts}) == len(parts) == len({row[1] for row in rows(batch)})
    for part in parts:
        check(part)
        assert not part.providers
        assert len(part.outcomes) == len(set(part.outcome_of)) or part is batch
    assert parts_of(batch) == parts


def test_one_provider_is_one_part() -> None:
    batch = status_batch(["a", "b"])
    assert parts_of(batch) == [batch]
