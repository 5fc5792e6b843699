"""How far each role is by the broker's account: what it has committed, and what waits for it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.endpoints import Endpoints
from schemas.clients import consumer_config
from schemas.topics import DEFAULT_PARTITIONS
from tests.faults.plan import READS

TIMEOUT_S = 10.0
SAMPLE_S = 0.1
ROUNDS = 3
Ends = dict[tuple[str, int], int]
"""By topic and partition."""


@dataclass
class Watched:
    """A role that was struck, and has not committed since."""

    hit: dict[str, object]
    role: str
    at: float
    committed: int


class Meter:
    """Asks the broker. All numbers are records, summed over the partitions a role reads."""

    def __init__(self, endpoints: Endpoints, roles: Iterable[str]) -> None:
        self._admin = AdminClient({"bootstrap.servers": endpoints.kafka, "log_level": 0})
        # not by the admin client: with the broker away its question ends the process (librdkafka 4605)
        self._groups = {role: Consumer(consumer_config(endpoints.kafka, f"carillon.{role}")) for role in roles}
        self._watched: list[Watched] = []
        self._next = 0.0

    def close(self) -> None:
        """Ask no more."""
        for consumer in self._groups.values():
            consumer.close()

    def committed(self, role: str) -> int:
        """What a role has committed."""
        return sum(self._committed(role).values())

    def lag(self, role: str) -> int:
        """What waits for a role, or was begun and is not committed."""
        return self.left(role, self.ends(role))

    def left(self, role: str, ends: Ends) -> int:
        """How many of the records before `ends` a role has not committed."""
        committed = self._committed(role)
        return sum(max(0, end - committed.get(place, 0)) for place, end in ends.items())

    def lags(self) -> dict[str, int]:
        """The lag of every role, in the order of the work.

        Work goes round, too: a bounce becomes a profile event after `profiles` was asked. So when nobody has any they are asked again.
        """
        lags: dict[str, int] = {}
        for _ in range(ROUNDS):
            lags = {role: self.lag(role) for role in self._groups}
            if any(lags.values()):
                break
        return lags

    def watch(self, hit: dict[str, object], role: str) -> None:
        """From now on, note in `hit` how long it takes until the role commits again (`recovery_s`)."""
        try:
            self._watched.append(Watched(hit, role, time.monotonic(), self.committed(role)))
        except KafkaException:
            hit["recovery_s"] = None

    def tick(self) -> None:
        """To be called often: see who has committed again."""
        if not self._watched or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SAMPLE_S
        for role in {each.role for each in self._watched}:
            try:
                committed = self.committed(role)
            except KafkaException:
                return
            for each in [each for each in self._watched if each.role == role and committed > each.committed]:
                each.hit["recovery_s"] = round(time.monotonic() - each.at, 2)
                self._watched.remove(each)

    def _committed(self, role: str) -> dict[tuple[str, int], int]:
        found = self._groups[role].committed(list(_places(role)), timeout=TIMEOUT_S)
        return {(place.topic, place.partition): max(0, place.offset) for place in found}

    def ends(self, role: str) -> Ends:
        """Where the partitions that a role reads end."""
        futures = self._admin.list_offsets({place: OffsetSpec.latest() for place in _places(role)}, request_timeout=TIMEOUT_S)
        return {(place.topic, place.partition): future.result(TIMEOUT_S).offset for place, future in futures.items()}


def _places(role: str) -> Iterable[TopicPartition]:
    return (TopicPartition(topic, number) for topic in READS[role] for number in range(DEFAULT_PARTITIONS))
