"""One POST after its body was read: the faults, the count, the answer. The time comes in."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec import Struct

from providers.sandbox_server.ledger import Ledger
from providers.sandbox_server.settings import Dice
from providers.sandbox_server.wire import Answer, Batch, Recipient, Result, Single

BATCH_LIMIT = 10_000
GARBAGE = b'<html>\xff\x00 {"results": [{"message_id"'

T = TypeVar("T")
_batches = msgspec.json.Decoder(Batch)
_singles = msgspec.json.Decoder(Single)
_encode = msgspec.json.Encoder().encode


class Malformed(Exception):
    """The body is not what this endpoint takes; the text says where."""


class Reply(Struct):
    """What the server answers, after `wait_s`."""

    body: bytes
    status: int = 200
    wait_s: float = 0.0
    retry_after_s: int | None = None
    reset: bool = False
    """No answer: the connection is reset."""


def read_batch(body: bytes) -> tuple[str | None, list[Recipient]]:
    """Return the batch's notification id and its recipients. Raises Malformed."""
    batch = _decode(_batches, body)
    if not 1 <= len(batch.recipients) <= BATCH_LIMIT:
        raise Malformed(f"recipients: {len(batch.recipients)} given, a batch has 1 to {BATCH_LIMIT}")
    if batch.notification_id is None and any(item.notification_id is None for item in batch.recipients):
        raise Malformed("notification_id: missing, and not given by every recipient")
    if batch.text is None and any(item.text is None for item in batch.recipients):
        raise Malformed("text: missing, and not given by every recipient")
    return batch.notification_id, batch.recipients


def read_single(body: bytes) -> tuple[str | None, list[Recipient]]:
    """Return the message's notification id and its one recipient. Raises Malformed."""
    single = _decode(_singles, body)
    item = Recipient(message_id=single.message_id, user_id=single.user_id, address=single.address)
    return single.notification_id, [item]


def receive(ledger: Ledger, dice: Dice, channel: str, notification_id: str | None, items: list[Recipient], now_ns: int) -> Reply:
    """Count a request, or refuse it as the channel's settings say; returns the answer."""
    ledger.asked(len(items), now_ns)
    if dice.throttles():
        ledger.faults.throttled += 1
        return Reply(b'{"error":"slow down"}', 429, dice.latency_s(), dice.settings.retry_after_s)
    if dice.fails():
        ledger.faults.failed += 1
        return Reply(b'{"error":"internal error"}', dice.settings.fail_status, dice.latency_s())
    results = _results(dice, items)
    _count(ledger, channel, notification_id, items, results, now_ns)
    if dice.resets():
        ledger.faults.reset += 1
        return Reply(b"", wait_s=dice.latency_s(), reset=True)
    if dice.garbles():
        ledger.faults.garbled += 1
        return Reply(GARBAGE, wait_s=dice.latency_s())
    if dice.stalls():
        ledger.faults.stalled += 1
        return Reply(_encode(Answer(results)), wait_s=dice.settings.stall_ms / 1000)
    return Reply(_encode(Answer(results)), wait_s=dice.latency_s())


def _results(dice: Dice, items: list[Recipient]) -> list[Result]:
    if not dice.settings.reject_rate and not dice.settings.partial_rate:
        return [Result(item.message_id, "accepted", "sb-" + item.message_id) for item in items]
    return [_result(dice, item) for item in items]


def _result(dice: Dice, item: Recipient) -> Result:
    if dice.settings.reject_rate and dice.rejects(item.address):
        return Result(item.message_id, "rejected", reason=dice.settings.reject_reason)
    if dice.fails_one():
        return Result(item.message_id, "failed", reason="try again")
    return Result(item.message_id, "accepted", "sb-" + item.message_id)


def _count(ledger: Ledger, channel: str, shared: str | None, items: list[Recipient], results: list[Result], now_ns: int) -> None:
    taken = [item for item, result in zip(items, results, strict=True) if result.status == "accepted"]
    for notification_id, group in _by_notification(shared, taken):
        ledger.take(channel, notification_id, group, now_ns)
    if len(taken) == len(items) == 1:
        ledger.arrived_alone(items[0].notification_id or shared or "", now_ns)
    if len(taken) < len(items):
        ledger.faults.partial += sum(result.status == "failed" for result in results)
        refused = [item for item, result in zip(items, results, strict=True) if result.status == "rejected"]
        for notification_id, group in _by_notification(shared, refused):
            ledger.reject(channel, notification_id, len(group))


def _by_notification(shared: str | None, items: list[Recipient]) -> Iterable[tuple[str, list[Recipient]]]:
    if shared is not None and all(item.notification_id is None for item in items):
        return [(shared, items)] if items else []
    groups: dict[str, list[Recipient]] = {}
    for item in items:
        groups.setdefault(item.notification_id or shared or "", []).append(item)
    return groups.items()


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise Malformed(str(error)) from error
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8: {error}") from error
