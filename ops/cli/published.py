"""The policy that was published last."""

from confluent_kafka import Consumer, TopicPartition

from ops.endpoints import Endpoints
from schemas.clients import consumer_config
from schemas.codec import Codec
from schemas.records import PolicyPublished
from schemas.topics import POLICY
from streams.policy.in_force import PARTITION

TIMEOUT_S = 10.0


def latest(endpoints: Endpoints, codec: Codec) -> PolicyPublished | None:
    """The last one on the topic; None when there is none, or it was taken back. Raises KafkaException, RecordRefused."""
    consumer = Consumer(consumer_config(endpoints.kafka, "carillon.cli"))
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(POLICY, PARTITION), timeout=TIMEOUT_S)
        if high <= low:
            return None
        consumer.assign([TopicPartition(POLICY, PARTITION, high - 1)])
        for message in consumer.consume(1, timeout=TIMEOUT_S):
            if message.error() is None:
                return codec.decode(message.value(), PolicyPublished) if message.value() is not None else None
        return None
    finally:
        consumer.close()
