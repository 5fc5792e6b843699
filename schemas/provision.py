"""Makes the catalogue real: creates topics, registers schemas, and says where what exists differs from what is written."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import httpx
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from schemas import contract
from schemas.records import Record
from schemas.registry import Registry
from schemas.topics import DEFAULT_PARTITIONS, Topic

TIMEOUT_S, ANSWER_S, LEADER_POLL_S = 30.0, 5.0, 0.05
COMPATIBILITY = "BACKWARD"


@dataclass(frozen=True)
class Difference:
    """One way in which a topic of the cluster is not as the catalogue says."""

    topic: str
    what: str


def subject(topic: Topic, kind: type[Record] | None = None) -> str:
    """TopicNameStrategy for a topic's first record; TopicRecordNameStrategy for `kind` when that is another one it carries."""
    return f"{topic.name}-{contract.full_name(kind)}" if kind in topic.others else f"{topic.name}-value"


def subjects(topics: Iterable[Topic]) -> dict[type[Record], str]:
    """Under which subject the codec finds each record type: the first topic that carries it."""
    found: dict[type[Record], str] = {}
    for topic in topics:
        for kind in topic.records:
            found.setdefault(kind, subject(topic, kind))
    return found


def apply_topics(admin: AdminClient, topics: Sequence[Topic], partitions: int = DEFAULT_PARTITIONS, replicas: int = 1) -> list[str]:
    """Create the topics that are missing; returns their names. Raises KafkaException when one can't be created within 30 s."""
    present = admin.list_topics(timeout=TIMEOUT_S).topics
    missing = [topic for topic in topics if topic.name not in present]
    create(admin, [NewTopic(t.name, t.partitions or partitions, replicas, config=t.config()) for t in missing])
    return [topic.name for topic in missing]


def create(admin: AdminClient, topics: Sequence[NewTopic]) -> None:
    """Make topics and return when every partition can be written to. Raises KafkaException when one can't within 30 s.

    Kafka says that a topic is made before its partitions have a leader: what is written in between can be lost (`schemas.delivery_report`).
    """
    if not topics:
        return
    for future in admin.create_topics(list(topics), request_timeout=TIMEOUT_S).values():
        future.result(TIMEOUT_S)
    deadline = time.monotonic() + TIMEOUT_S
    _await(lambda: _led(admin, topics), deadline, "a leader")
    _await(lambda: _take_records(admin, topics), deadline, "a leader that answers")


def _await(reached: Callable[[], bool], deadline: float, what: str) -> None:
    while not reached():
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"not every partition has {what} within {TIMEOUT_S:.0f} s"))
        time.sleep(LEADER_POLL_S)


def _led(admin: AdminClient, topics: Sequence[NewTopic]) -> bool:
    there = admin.list_topics(timeout=TIMEOUT_S).topics
    places = [there[topic.topic].partitions if topic.topic in there else {} for topic in topics]
    return all(
        len(mine) == topic.num_partitions and all(place.leader >= 0 for place in mine.values())
        for topic, mine in zip(topics, places, strict=True)
    )


def _take_records(admin: AdminClient, topics: Sequence[NewTopic]) -> bool:
    """Kafka names a leader a moment before that broker knows it leads: then this question fails, as a record would."""
    places = {TopicPartition(topic.topic, number): OffsetSpec.latest() for topic in topics for number in range(topic.num_partitions)}
    try:
        for future in admin.list_offsets(places, request_timeout=ANSWER_S).values():
            future.result(TIMEOUT_S)
    except KafkaException:
        return False
    return True


def check_topics(admin: AdminClient, topics: Sequence[Topic], partitions: int = DEFAULT_PARTITIONS) -> list[Difference]:
    """Where the cluster differs from the catalogue: missing topics, other partition counts, other settings."""
    present = admin.list_topics(timeout=TIMEOUT_S).topics
    found = [Difference(t.name, "missing") for t in topics if t.name not in present]
    there = [t for t in topics if t.name in present]
    for topic in there:
        wanted, actual = topic.partitions or partitions, len(present[topic.name].partitions)
        if wanted != actual:
            found.append(Difference(topic.name, f"{actual} partitions, not {wanted}"))
    return found + _check_settings(admin, there)


def register_schemas(registry: Registry, registry_url: str, topics: Sequence[Topic]) -> int:
    """Register every topic's schemas; returns how many. A change must be compatible BACKWARD. Raises SchemaRefused, RegistryUnavailable."""
    wanted = [(topic, kind) for topic in topics for kind in topic.records]
    for topic, kind in wanted:
        registry.register(subject(topic, kind), contract.schema_json(kind.__name__))
    require_compatibility(registry_url)
    return len(wanted)


def require_compatibility(registry_url: str) -> None:
    """Make the registry refuse schemas that can't read what is on the topics already (BACKWARD, for every subject)."""
    answer = httpx.put(f"{registry_url}/config", json={"compatibility": COMPATIBILITY}, timeout=TIMEOUT_S)
    answer.raise_for_status()


def _check_settings(admin: AdminClient, topics: Sequence[Topic]) -> list[Difference]:
    if not topics:
        return []
    resources = {ConfigResource(ResourceType.TOPIC, topic.name): topic for topic in topics}
    found = []
    for resource, future in admin.describe_configs(list(resources), request_timeout=TIMEOUT_S).items():
        actual = future.result(TIMEOUT_S)
        for name, wanted in resources[resource].config().items():
            value = actual[name].value
            if set(value.split(",")) != set(wanted.split(",")):
                found.append(Difference(resource.name, f"{name} is {value}, not {wanted}"))
    return found
