"""What was heard as records of `notify.feedback`, and where they go. Pure."""

from collections.abc import Callable, Iterator, Sequence

from providers.feedback.base import Heard
from schemas.partition import partition_of
from schemas.records import FeedbackReceived, FeedbacksReceived, Output
from schemas.refs import RefInvalid, parse
from schemas.topics import FEEDBACK

RAW_LIMIT = 262_144
"""Bytes of an event that are kept: with all else a record stays far below what the topic takes."""
RECORD_BYTES, RECORD_EVENTS = 524_288, 500
"""Of one record, at most: with one event more it would be the next."""

Encode = Callable[[FeedbacksReceived], bytes]


def record_of(heard: Heard, channel: str, received_at: int) -> FeedbackReceived:
    """Return the event. `received_at`: epoch ms, by our clock."""
    return FeedbackReceived(
        provider=heard.provider,
        channel=channel,
        provider_message_id=heard.provider_message_id,
        kind=heard.kind,
        detail=heard.detail,
        occurred_at=heard.occurred_at,
        received_at=received_at,
        raw=heard.raw[:RAW_LIMIT],
        ref=heard.ref,
        address=heard.address,
        reason=heard.reason,
        event_id=heard.event_id,
    )


def outputs_of(heard: Sequence[Heard], channel: str, received_at: int, partitions: int, encode: Encode) -> list[Output]:
    """Return what to write: by the partitions that refs name, as few records as will do.

    What has no ref of ours is a record of its own, by its address or the provider's id: what can't be used takes no other event with it.
    """
    found: dict[int, list[Heard]] = {}
    outputs = []
    for one in heard:
        partition = partition_named(one.ref, partitions)
        if partition is None:
            key = one.ref or one.address or one.provider_message_id or one.event_id
            outputs.append(_output([one], key, partition_of(key, partitions), channel, received_at, encode))
        else:
            found.setdefault(partition, []).append(one)
    for partition, some in found.items():
        outputs += [_output(part, part[0].ref, partition, channel, received_at, encode) for part in _parts(some)]
    return outputs


def partition_named(ref: str, partitions: int) -> int | None:
    """Return the partition that a ref names; None when it names none of ours."""
    try:
        number = parse(ref).partition
    except RefInvalid:
        return None
    return number if number < partitions else None


def _parts(heard: Sequence[Heard]) -> Iterator[list[Heard]]:
    part: list[Heard] = []
    size = 0
    for one in heard:
        if part and (size + len(one.raw) > RECORD_BYTES or len(part) == RECORD_EVENTS):
            yield part
            part, size = [], 0
        part.append(one)
        size += min(len(one.raw), RAW_LIMIT)
    yield part


def _output(heard: Sequence[Heard], key: str, partition: int, channel: str, received_at: int, encode: Encode) -> Output:
    events = [record_of(one, channel, received_at) for one in heard]
    return Output(topic=FEEDBACK, partition=partition, key=key.encode(), value=encode(FeedbacksReceived(events)))
