"""Tells Carillon who the shop's customers are, and waits until every process knows them."""

import time
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ops.cli.errors import GaveUp
from ops.cli.lag import Groups
from ops.demo.people import profile, user_id
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.delivery_report import not_written
from schemas.partition import partition_of
from schemas.records import ProfileChanged, ProfilesChanged
from schemas.topics import PROFILE_EVENTS

CHANGES_PER_RECORD = 500
GROUP = "carillon.profiles"
FLUSH_S = 60.0
FOLD_TIMEOUT_S = 120.0
POLL_S = 0.1


def seed(bootstrap: str, codec: Codec, people: int, partitions: int, now: int, told: Callable[[int], None]) -> None:
    """Write the profiles of `people` customers; `told` hears how many so far. Raises KafkaException, GaveUp."""
    producer = Producer({**producer_config(bootstrap), "log_level": 0})
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if refusal := not_written(error, message):
            errors.append(refusal)

    count = 0
    for partition, changes in by_partition((profile(number, now) for number in range(people)), partitions):
        key, value = changes[0].user_id.encode(), codec.encode(ProfilesChanged(changes))
        producer.produce(PROFILE_EVENTS, value, key, partition, on_delivery=delivered)
        producer.poll(0)
        count += len(changes)
        told(count)
    if producer.flush(FLUSH_S):
        raise GaveUp(f"{PROFILE_EVENTS} did not take the profiles within {FLUSH_S:.0f} s")
    if errors:
        raise KafkaException(errors[0])


def by_partition(changes: Iterable[ProfileChanged], partitions: int) -> Iterator[tuple[int, list[ProfileChanged]]]:
    """Changes grouped by the partition of their user, a bounded number at a time."""
    groups: dict[int, list[ProfileChanged]] = {}
    for change in changes:
        partition = partition_of(change.user_id, partitions)
        group = groups.setdefault(partition, [])
        group.append(change)
        if len(group) == CHANGES_PER_RECORD:
            yield partition, groups.pop(partition)
    yield from groups.items()


def last_of_each_partition(people: int, partitions: int) -> list[str]:
    """The customer of each partition whose profile is written last: who knows them knows all."""
    last: dict[int, str] = {}
    for number in reversed(range(people)):
        user = user_id(number)
        last.setdefault(partition_of(user, partitions), user)
        if len(last) == partitions:
            break
    return sorted(last.values())


def await_folded(bootstrap: str, told: Callable[[int], None]) -> None:
    """Return when every profile event is folded; `told` hears how many records are left. Raises GaveUp after 120 s."""
    deadline = time.monotonic() + FOLD_TIMEOUT_S
    groups = Groups(bootstrap)
    while left := groups.lag(GROUP, [PROFILE_EVENTS]):
        told(left)
        if time.monotonic() > deadline:
            raise GaveUp(f"{left} records of {PROFILE_EVENTS} are not folded after {FOLD_TIMEOUT_S:.0f} s; see the log of profiles-1")
        time.sleep(POLL_S)
    told(0)
