"""What a finished batch comes to, as records: its status, what is given back, who is tried elsewhere, handed back, tried again."""

from schemas.codec import Codec
from schemas.records import DeliverBatch, LedgerEntry, Output, Record, SetTimer
from schemas.topics import PROFILE_EVENTS, STATUS, fanout_topic
from streams.delivery.dead import taken_out
from streams.delivery.ended import ended_of
from streams.delivery.ends import ended_of as channel_ended_of
from streams.delivery.handed_back import RETRY, handed_back_of, retry_of
from streams.delivery.ledger import status_of
from streams.step.model import Input
from streams.timers.outputs import timer_output


def outputs_of(codec: Codec, batch: DeliverBatch, entry: LedgerEntry, record: Input) -> list[Output]:
    """The records, in the partition that `record` is of; the same bytes whenever they are asked for."""
    key, lane = batch.notification.notification_id.encode(), fanout_topic(batch.notification.priority)
    status = status_of(batch, entry, record.topic, record.partition)
    # who is handed back comes after what is given back of them, so that they may be counted again
    told: list[tuple[str, Record | None]] = [
        (STATUS, status),
        (lane, ended_of(batch, entry)),
        (lane, channel_ended_of(batch, status)),
        (lane, handed_back_of(batch, entry)),
    ]
    records = [Output(topic=topic, partition=record.partition, key=key, value=codec.encode(one)) for topic, one in told if one is not None]
    if dead := taken_out(batch, entry):
        changed = dead.changes[0].user_id.encode()
        # before anybody hears of it: who is told next is decided without it
        records.insert(0, Output(topic=PROFILE_EVENTS, partition=record.partition, key=changed, value=codec.encode(dead)))
    retry = retry_of(batch, entry)
    if retry is not None and entry.retry_at is not None:
        again = Output(topic=lane, partition=record.partition, key=key, value=codec.encode(retry))
        records.append(timer_output(codec, SetTimer(retry.hold_id, entry.retry_at, RETRY, again), record.partition))
    return records
