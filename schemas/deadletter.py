"""Records that could not be processed, kept with their bytes."""

import hashlib
import traceback
from collections.abc import Iterable, Mapping

from schemas.errors import RecordRefused
from schemas.records import DeadLetter

MAX_DETAIL = 500


def dead_letter_key(topic: str, partition: int, offset: int) -> bytes:
    """What a dead letter is called, by people and by the log: `topic/partition/offset` of the record."""
    return f"{topic}/{partition}/{offset}".encode()


def dead_letter(
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    headers: Mapping[str, bytes] | Iterable[tuple[str, bytes | None]] | None,
    step: str,
    error: Exception,
    now: int,
) -> DeadLetter:
    """The dead letter of one record that `step` refused because of `error`, at `now` (epoch ms)."""
    return DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=max(timestamp, 0),
        key=key,
        value=value,
        headers={name: content or b"" for name, content in dict(headers or {}).items()},
        step=step,
        reason=error.reason if isinstance(error, RecordRefused) else "invalid",
        detail=f"{type(error).__name__}: {error}"[:MAX_DETAIL],
        stack_hash=stack_hash(error),
        failed_at=now,
    )


def stack_hash(error: Exception) -> str:
    """12 hex digits that are the same for the same fault: the error's type and the functions it passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    text = "|".join([type(error).__name__, *(f"{frame.filename.rpartition('/')[2]}:{frame.name}" for frame in frames)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
