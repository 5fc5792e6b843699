"""Who is restarted keeps its partitions; who is scaled away gives them up at once."""

import signal
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from schemas.topics import DEFAULT_PARTITIONS
from streams.settings import LEAVE, WorkerSettings
from tests.faults.plan import READS
from tests.integration.streams.conftest import Pipeline

ROLE, MORE = "plan", ("plan-2", "plan-3", "plan-4")
NAMES = (f"{ROLE}-1", *MORE)
ALL = {(topic, number) for topic in READS[ROLE] for number in range(DEFAULT_PARTITIONS)}
WELL_WITHIN_S = WorkerSettings().session_timeout / 2
Owned = dict[str, set[tuple[str, int]]]


class Group:
    """What the broker knows of the role's group."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._admin = AdminClient({"bootstrap.servers": pipeline.endpoints.kafka})

    def owned(self) -> Owned:
        """The partitions of each member, by the beginning of its instance id; nothing while the group is not settled."""
        found = self._admin.describe_consumer_groups([f"carillon.{ROLE}"])[f"carillon.{ROLE}"].result(10)
        if found.state != ConsumerGroupState.STABLE:
            return {}
        return {
            one.group_instance_id.rpartition("-")[0]: {(place.topic, place.partition) for place in one.assignment.topic_partitions}
            for one in found.members
        }

    def shared(self) -> Owned:
        """Once everyone has some."""
        return self._pipeline.log.until(lambda: shared if all((shared := self.owned()).get(who) for who in NAMES) else None, "not shared")


@pytest.fixture
def group(pipeline: Pipeline) -> Iterator[Group]:
    """Four members; there is one again afterwards."""
    pipeline.workers.start(MORE)
    pipeline.log.until(lambda: all(map(pipeline.workers.ready, MORE)), "not all are ready")
    yield Group(pipeline)
    pipeline.workers.end([name for name in MORE if name in pipeline.workers.names], LEAVE)


def test_who_is_scaled_away_leaves_its_partitions_to_the_others_well_within_its_session(pipeline: Pipeline, group: Group) -> None:
    """All at once, so that some stop while the group rebalances."""
    assert set().union(*group.shared().values()) == ALL
    told = time.monotonic()
    assert pipeline.workers.end(MORE, LEAVE) == dict.fromkeys(MORE, 0)
    pipeline.log.until(lambda: group.owned() == {NAMES[0]: ALL}, "the partitions have no owner")
    assert time.monotonic() - told < WELL_WITHIN_S


def test_who_is_restarted_keeps_them(pipeline: Pipeline, group: Group) -> None:
    before = group.shared()
    assert pipeline.workers.end(MORE[:1], signal.SIGTERM) == {MORE[0]: 0}
    assert group.owned() == before
    pipeline.workers.start(MORE[:1])
    pipeline.log.until(lambda: pipeline.workers.ready(MORE[0]), "not ready again")
    assert group.owned() == before
