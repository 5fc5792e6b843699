"""A list in parts, with data of the recipients' own, through every step: everybody is told once, whatever comes twice or too soon."""

import uuid
from itertools import pairwise

import msgspec
import pytest

from ops.audit.run import audit_log
from schemas.clock import now_ms
from schemas.deadletter import dead_letter_key
from schemas.partition import partition_of
from schemas.records import Audience, Device, Notification, NotificationRequested, Priority, ProfileChanged, ProfilesChanged
from schemas.topics import DEFAULT_PARTITIONS, DLQ, EXPANSIONS, PROFILE_EVENTS, PROFILES, REQUESTS, STATUS
from tests.integration.streams.conftest import Pipeline
from tests.integration.streams.test_pipeline import statuses

pytestmark = pytest.mark.timeout(300)

USERS = 3000
CUTS = (0, 1, 1800, 1801, USERS)
TAG = f"list-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def crowd(pipeline: Pipeline) -> list[str]:
    """Users with a phone each, in the order a list has."""
    users = sorted(f"{TAG}-{number}" for number in range(USERS))
    for partition in range(DEFAULT_PARTITIONS):
        mine = [user for user in users if partition_of(user, DEFAULT_PARTITIONS) == partition]
        changes = [ProfileChanged(user, "import", 0, now_ms(), devices=[Device("ios", f"tok-{user}")]) for user in mine]
        pipeline.log.write(PROFILE_EVENTS, ProfilesChanged(changes), key=TAG, partition=partition)
    pipeline.log.until(
        lambda: len(pipeline.log.of(PROFILES, lambda one: one.user_id.startswith(TAG))) >= USERS, "not all profiles are there"
    )
    return users


def parts(users: list[str], **about: object) -> list[NotificationRequested]:
    """A list whose template needs what each recipient says."""
    nid, now = str(uuid.uuid4()), now_ms()
    told = Notification(
        notification_id=nid,
        event_type="test",
        source="test",
        campaign="",
        template_id="order_placed",
        template_version=1,
        category="transactional",
        priority=Priority.NORMAL,
        channels=["push", "in_app"],
        data={"order_id": "1", "name": "you"},
        occurred_at=now,
        accepted_at=now,
    )
    told = msgspec.structs.replace(told, **about)
    audiences = [Audience(users[start:end], data=[own(user) for user in users[start:end]]) for start, end in pairwise(CUTS)]
    return [NotificationRequested(told, some, nid, part=number, users_in_all=len(users)) for number, some in enumerate(audiences)]


def own(user: str) -> dict[str, str]:
    return {"total": user[-4:]}


def write(pipeline: Pipeline, *requests: NotificationRequested) -> list[tuple[int, int]]:
    return [pipeline.log.write(REQUESTS, one, key=one.notification.notification_id) for one in requests]


def all_told(pipeline: Pipeline, nid: str, users: list[str]) -> None:
    """Everybody is told on both channels, once, and the log adds up."""
    pipeline.log.until(lambda: len(statuses(pipeline, nid)) >= 2 * len(users), "not all are told")
    assert statuses(pipeline, nid) == {(user, channel): ("sent", "") for user in users for channel in ("push", "in_app")}
    assert pipeline.received(nid, "push") == len(users)
    pipeline.log.until(lambda: ends(pipeline, nid) == DEFAULT_PARTITIONS, "not every partition has come to its end")
    report = audit_log(pipeline.endpoints.kafka, pipeline.endpoints.registry, notification=nid, settled=True)
    assert report.violations == []
    sums = report.notifications[nid]
    assert (sums.expanded, sums.channels["push"].audience) == (True, len(users))


def ends(pipeline: Pipeline, nid: str) -> int:
    return len({one.partition for one in pipeline.log.of(EXPANSIONS, lambda one: one.notification_id == nid and one.last)})


def test_everybody_in_all_parts_is_told_once_with_their_own_data(pipeline: Pipeline, crowd: list[str]) -> None:
    first, second, third, fourth = parts(crowd)
    write(pipeline, first, second, first, third, second, fourth, fourth)
    nid = first.notification.notification_id
    all_told(pipeline, nid, crowd)
    inbox = pipeline.log.of(STATUS, lambda one: one.notification.notification_id == nid and one.channel == "in_app")
    told = {user: its for one in inbox for user, its in zip(one.users, one.data, strict=True)}
    assert told == {user: own(user) for user in crowd}


def test_a_part_that_came_too_soon_is_refused_and_told_when_it_is_replayed(pipeline: Pipeline, crowd: list[str]) -> None:
    first, second, third, fourth = parts(crowd)
    (early,) = write(pipeline, second)
    dead = dead_letter_key(REQUESTS, *early)
    pipeline.log.until(lambda: [one for one in pipeline.log.entries(DLQ) if one.key == dead], "the early part is in no dead letter")
    write(pipeline, first, second, third, fourth)
    all_told(pipeline, first.notification.notification_id, crowd)


def test_a_list_for_later_loses_nobody_to_timers_of_one_moment(pipeline: Pipeline, crowd: list[str]) -> None:
    requests = parts(crowd, not_before=now_ms() + 6000)
    write(pipeline, *requests)
    all_told(pipeline, requests[0].notification.notification_id, crowd)
