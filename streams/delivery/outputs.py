"""What a finished batch comes to, as records: its status, what is given back of it, who may be tried elsewhere, and who is handed back."""

from schemas.codec import Codec
from schemas.records import DeliverBatch, LedgerEntry, Output, Record
from schemas.topics import STATUS, fanout_topic
from streams.delivery.ended import ended_of
from streams.delivery.ends import ended_of as channel_ended_of
from streams.delivery.handed_back import handed_back_of
from streams.delivery.ledger import status_of
from streams.step.model import Input


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
    return [Output(topic=topic, partition=record.partition, key=key, value=codec.encode(one)) for topic, one in told if one is not None]
