"""Notifications for later, through every step: nobody is decided before the time, and nobody is sent to who was called off by then."""

import pytest

from schemas.clock import now_ms
from schemas.records import Device, Priority, SetTimer
from schemas.topics import DEFAULT_PARTITIONS, EXPANSIONS, REQUESTS, TIMERS
from tests.faults.log import LogView
from tests.integration.streams.conftest import Pipeline
from tests.integration.streams.test_control import control
from tests.integration.streams.test_pipeline import ask, became, name, put_profile

pytestmark = pytest.mark.timeout(180)

AHEAD_MS = 4000
CHANNELS = ("push", "email", "in_app")


def person(pipeline: Pipeline) -> str:
    user = name("ann")
    put_profile(pipeline, user, email="ann@example.com", devices=[Device("ios", "a")])
    return user


def decided_at(pipeline: Pipeline, nid: str) -> list[int]:
    """When each chunk of it was."""
    return [one.at for one in pipeline.log.of(EXPANSIONS, lambda one: one.notification_id == nid)]


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.CRITICAL])
def test_it_is_sent_when_its_time_has_come_and_not_before(pipeline: Pipeline, priority: Priority) -> None:
    user = person(pipeline)
    due = now_ms() + AHEAD_MS
    nid = ask(pipeline, user, not_before=due, priority=priority)
    assert became(pipeline, nid, 3) == dict.fromkeys([(user, channel) for channel in CHANNELS], ("sent", ""))
    assert min(decided_at(pipeline, nid)) >= due
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (1, 1)


def test_a_campaign_has_a_timer_for_each_partition(pipeline: Pipeline) -> None:
    user = person(pipeline)
    due = now_ms() + AHEAD_MS
    nid = ask(pipeline, expression=f"user:{user}", not_before=due)
    assert became(pipeline, nid, 3) == dict.fromkeys([(user, channel) for channel in CHANNELS], ("sent", ""))
    view = LogView(pipeline.endpoints, [TIMERS])
    try:
        view.read_to_end()
    finally:
        view.close()
    mine = [it for it in (entry.record for entry in view.entries[TIMERS]) if isinstance(it, SetTimer) and it.due == due]
    assert sorted(it.write.partition for it in mine if it.write) == list(range(DEFAULT_PARTITIONS))
    assert {it.kind for it in mine} == {"schedule"}


def test_called_off_before_its_time(pipeline: Pipeline) -> None:
    user = person(pipeline)
    due = now_ms() + AHEAD_MS
    nid = ask(pipeline, user, not_before=due)
    control(pipeline, nid, "cancel")
    assert now_ms() < due, "on so slow a machine this says nothing"
    assert became(pipeline, nid, 3) == dict.fromkeys([(user, channel) for channel in CHANNELS], ("cancelled", "cancelled"))
    assert min(decided_at(pipeline, nid)) >= due
    assert pipeline.received(nid, "push") == 0


def test_what_is_asked_again_is_planned_once(pipeline: Pipeline) -> None:
    user = person(pipeline)
    first = ask(pipeline, user, not_before=now_ms() + AHEAD_MS)
    (request,) = pipeline.log.until(lambda: pipeline.log.of(REQUESTS, lambda one: one.notification.notification_id == first), "no request")
    pipeline.log.write(REQUESTS, request, key=first)
    became(pipeline, first, 3)
    pipeline.log.write(REQUESTS, request, key=first)
    after = ask(pipeline, user)
    became(pipeline, after, 3)
    assert (len(decided_at(pipeline, first)), pipeline.received(first, "push")) == (1, 1)
