"""The policy that was published last, and the one that is in force."""

from confluent_kafka import Message

from ops.cli.logtail import consumer, read_all, watermarks
from ops.endpoints import Endpoints
from schemas.codec import Codec
from schemas.records import PolicyPublished
from schemas.topics import POLICY
from streams.policy.in_force import PARTITION
from streams.policy.loader import load_policy, read_policy
from streams.policy.policy import Policy


def latest(endpoints: Endpoints, codec: Codec) -> PolicyPublished | None:
    """The last one on the topic; None when there is none, or it was taken back. Raises KafkaException, GaveUp, RecordRefused."""
    place, found = (POLICY, PARTITION), list[Message]()
    with consumer(endpoints.kafka) as log:
        first, end = watermarks(log, POLICY)[PARTITION]
        read_all(log, {place: max(first, end - 1)}, {place: end}, found.append)
    value = found[0].value() if found else None  # compaction takes away what took a policy back
    return codec.decode(value, PolicyPublished) if value is not None else None


def in_force(endpoints: Endpoints, codec: Codec) -> Policy:
    """The policy that workers go by, as far as this process can know: they may have been started with another file. Raises as `latest`."""
    last = latest(endpoints, codec)
    return read_policy(last.text.encode(), POLICY) if last else load_policy()
