"""Many recipients as one column: a format byte, then lz4 of a msgpack array of columns."""

from collections.abc import Sequence
from typing import NamedTuple

import lz4.block
import msgspec

from projections.errors import ProjectionError
from schemas.coded import rows_of
from schemas.records import Outcome, StatusBatch

FORMAT = b"\x01"
MAX_RAW_BYTES = 16 * 1024 * 1024
"""Far more than a record of 1 MiB can hold."""


class BadBlob(ProjectionError):
    """The bytes are no blob of a format known here."""


class Recipients(msgspec.Struct, frozen=True, array_like=True):
    """users[i] met outcomes[outcome_of[i]]; `provider_message_ids` may be empty. An outcome is (status, reason, detail)."""

    users: list[str]
    outcomes: list[tuple[str, str, str]]
    outcome_of: list[int]
    profile_offsets: list[int]
    provider_message_ids: list[str]


class Found(NamedTuple):
    """What a blob says of one user."""

    status: str
    reason: str
    detail: str
    profile_offset: int
    provider_message_id: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Recipients).decode


def recipients_of(batch: StatusBatch) -> Recipients:
    """All columns of a batch."""
    outcomes = [_plain(outcome) for outcome in batch.outcomes]
    return Recipients(batch.users, outcomes, batch.outcome_of, batch.profile_offsets, batch.provider_message_ids)


def pick(all_of: Recipients, indices: Sequence[int]) -> Recipients:
    """Only these users, with only the outcomes they met."""
    outcomes, outcome_of = rows_of(all_of.outcomes, all_of.outcome_of, indices)
    ids = all_of.provider_message_ids
    return Recipients(
        [all_of.users[i] for i in indices],
        outcomes,
        outcome_of,
        [all_of.profile_offsets[i] for i in indices],
        [ids[i] for i in indices] if ids else [],
    )


def pack(recipients: Recipients) -> bytes:
    """The blob."""
    packed: bytes = lz4.block.compress(_encode(recipients))
    return FORMAT + packed


def unpack(blob: bytes) -> Recipients:
    """Its columns. Raises BadBlob."""
    return _columns(_raw(blob))


def find(blob: bytes, user_id: str) -> list[Found]:
    """What the blob says of a user; empty when it does not name the user. Raises BadBlob."""
    raw = _raw(blob)
    if user_id.encode() not in raw:  # spares decoding the columns of the many blobs that do not name the user
        return []
    columns = _columns(raw)
    return [found(columns, i) for i, user in enumerate(columns.users) if user == user_id]


def found(columns: Recipients, i: int) -> Found:
    """What the columns say of their i-th user."""
    message_id = columns.provider_message_ids[i] if columns.provider_message_ids else ""
    return Found(*columns.outcomes[columns.outcome_of[i]], columns.profile_offsets[i], message_id)


def _plain(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.status, outcome.reason, outcome.detail


def _raw(blob: bytes) -> bytes:
    if blob[:1] != FORMAT:
        raise BadBlob(f"format {blob[:1]!r}, not {FORMAT!r}")
    if int.from_bytes(blob[1:5], "little") > MAX_RAW_BYTES:
        raise BadBlob(f"says it is larger than {MAX_RAW_BYTES} bytes")
    try:
        raw: bytes = lz4.block.decompress(blob[1:])
    except (lz4.block.LZ4BlockError, ValueError) as error:
        raise BadBlob(str(error)) from error
    return raw


def _columns(raw: bytes) -> Recipients:
    try:
        return _decode(raw)
    except msgspec.DecodeError as error:
        raise BadBlob(str(error)) from error
