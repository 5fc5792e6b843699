"""A status batch of several providers as one for each: rows and blobs name one provider. Pure."""

import msgspec

from schemas import ids
from schemas.coded import rows_of
from schemas.records import StatusBatch


def parts_of(batch: StatusBatch) -> list[StatusBatch]:
    """The batch itself when one provider was called; else a part for each, with an id made of the batch's and the provider's name."""
    if not batch.provider_of:
        return [batch]
    rows: dict[int, list[int]] = {}
    for row, number in enumerate(batch.provider_of):
        rows.setdefault(number, []).append(row)
    return [_part(batch, batch.providers[number], some) for number, some in rows.items()]


def _part(batch: StatusBatch, provider: str, rows: list[int]) -> StatusBatch:
    outcomes, outcome_of = rows_of(batch.outcomes, batch.outcome_of, rows)
    messages = batch.provider_message_ids
    return msgspec.structs.replace(
        batch,
        status_id=ids.status_id(batch.status_id, f"by/{provider}"),
        provider=provider,
        providers=[],
        provider_of=[],
        users=[batch.users[row] for row in rows],
        outcomes=outcomes,
        outcome_of=outcome_of,
        provider_message_ids=[messages[row] for row in rows] if messages else [],
        profile_offsets=[batch.profile_offsets[row] for row in rows],
    )
