"""The policy that was published last."""

from confluent_kafka import Message

from ops.cli.logtail import consumer, read_all, watermarks
from ops.endpoints import Endpoints
from schemas.codec import Codec
from schemas.records import PolicyPublished
from schemas.topics import POLICY
from streams.policy.in_force import PARTITION


def latest(endpoints: Endpoints, codec: Codec) -> PolicyPublished | None:
    """The last one on the topic; None when there is none, or it was taken back. Raises KafkaException, GaveUp, RecordRefused."""
    place, found = (POLICY, PARTITION), list[Message]()
    with consumer(endpoints.kafka) as log:
        first, end = watermarks(log, POLICY)[PARTITION]
        read_all(log, {place: max(first, end - 1)}, {place: end}, found.append)
    value = found[0].value() if found else None  # compaction takes away what took a policy back
    return codec.decode(value, PolicyPublished) if value is not None else None
