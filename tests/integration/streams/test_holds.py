"""People in quiet hours, on a real log: held, released by a timer and decided afresh; and caps, which count what is sent."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ops.audit.run import audit_log
from schemas.clock import now_ms
from schemas.ids import deferred_id
from schemas.partition import partition_of
from schemas.records import Device, ExpandAudience, Priority, QuietHours, SetTimer
from schemas.topics import DEFAULT_PARTITIONS, FANOUT, STATUS, TIMERS, deliver_topic
from streams.delivery.drafts import DECIDED_MS
from tests.faults.log import LogView
from tests.integration.streams.conftest import Pipeline
from tests.integration.streams.test_pipeline import ask, name, put_profile, statuses

pytestmark = pytest.mark.timeout(300)

MINUTE_MS = 60_000
CHANNELS = ["push", "email"]


@pytest.fixture
def timers(pipeline: Pipeline) -> Iterator[LogView]:
    """What is to be written later."""
    view = LogView(pipeline.endpoints, [TIMERS])
    yield view
    view.close()


def asleep() -> QuietHours:
    """From an hour ago on, until the night is over in twelve."""
    minute = now_ms() // MINUTE_MS % 1440
    return QuietHours((minute - 60) % 1440, (minute + 720) % 1440)


def person(pipeline: Pipeline, what: str) -> str:
    user = name(what)
    put_profile(pipeline, user, email=f"{user}@example.com", devices=[Device("ios", user)], quiet_hours=asleep())
    return user


def held(pipeline: Pipeline, timers: LogView, nid: str, user: str, channel: str = "push") -> SetTimer:
    """The timer that releases somebody on a channel."""

    def timer() -> SetTimer | None:
        timers.poll(0.05)
        for entry in timers.entries[TIMERS]:
            one = entry.record
            if isinstance(one, SetTimer) and one.kind == "hold" and one.write:
                command = pipeline.log.codec.decode(one.write.value, ExpandAudience)
                if command.notification.notification_id == nid and user in command.users and channel in command.channels:
                    return one
        return None

    found: SetTimer = pipeline.log.until(timer, f"{user} is not held")
    return found


def hasten(pipeline: Pipeline, timer: SetTimer, user: str) -> None:
    """The same timer, due now: nobody waits for the morning."""
    pipeline.log.write(
        TIMERS,
        SetTimer(timer.timer_id, now_ms(), timer.kind, timer.write),
        key=timer.timer_id,
        partition=partition_of(user, DEFAULT_PARTITIONS),
    )


def told(pipeline: Pipeline, nid: str, status: str, channels: int) -> None:
    pipeline.log.until(lambda: sum(end == status for end, _ in statuses(pipeline, nid).values()) == channels, f"nobody is told {status}")


def test_who_is_held_is_released_by_the_timer_and_sent_to_once(pipeline: Pipeline, timers: LogView) -> None:
    user = person(pipeline, "sleeper")
    nid = ask(pipeline, user, category="promotional", channels=CHANNELS)
    told(pipeline, nid, "deferred", 2)
    timer = held(pipeline, timers, nid, user)
    first = pipeline.log.of(STATUS, lambda one: one.notification.notification_id == nid)
    assert {one.status_id for one in first} == {deferred_id(timer.timer_id, channel) for channel in CHANNELS}
    until = datetime.fromisoformat(first[0].outcomes[0].detail)
    assert until == datetime.fromtimestamp(timer.due // 1000, UTC)
    assert until.timestamp() > time.time() + 11 * 3600
    assert pipeline.received(nid, "push") == 0
    report = audit_log(pipeline.endpoints.kafka, pipeline.endpoints.registry, notification=nid, settled=True)
    assert report.violations == []
    assert {channel: one.pending for channel, one in report.notifications[nid].channels.items()} == dict.fromkeys(CHANNELS, 1)

    put_profile(pipeline, user, reset=["quiet_hours"])
    hasten(pipeline, timer, user)
    told(pipeline, nid, "sent", 2)
    hasten(pipeline, timer, user)  # it comes once more
    pipeline.log.until(
        lambda: len(pipeline.log.of(FANOUT, lambda one: getattr(one, "hold_id", "") == timer.timer_id)) == 2, "the timer did not fire again"
    )
    after = ask(pipeline, user, channels=["push"])
    told(pipeline, after, "sent", 1)
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (1, 1)
    ends = [one for one in pipeline.log.of(STATUS, lambda it: it.notification.notification_id == nid) if one.batch_id]
    assert len(ends) == 2


def test_who_opts_out_while_held_is_not_sent_to(pipeline: Pipeline, timers: LogView) -> None:
    user = person(pipeline, "leaver")
    nid = ask(pipeline, user, category="promotional", channels=CHANNELS)
    timer = held(pipeline, timers, nid, user)
    put_profile(pipeline, user, channels=["email"], muted_categories=["promotional"], reset=["quiet_hours"])
    hasten(pipeline, timer, user)
    told(pipeline, nid, "suppressed", 2)
    found = statuses(pipeline, nid)
    assert found == {(user, "push"): ("suppressed", "channel_disabled"), (user, "email"): ("suppressed", "category_muted")}
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (0, 0)


def test_a_fourth_promotion_in_a_day_is_one_too_many(pipeline: Pipeline) -> None:
    user = name("shopper")
    put_profile(pipeline, user, email=f"{user}@example.com", devices=[Device("ios", user)])
    for _ in range(3):
        told(pipeline, ask(pipeline, user, category="promotional", channels=CHANNELS), "sent", 2)
    nid = ask(pipeline, user, category="promotional", channels=CHANNELS)
    told(pipeline, nid, "suppressed", 2)
    assert set(statuses(pipeline, nid).values()) == {("suppressed", "category_limit")}


def test_who_falls_asleep_while_delivery_is_behind_is_handed_back_and_sent_to_in_the_morning(pipeline: Pipeline, timers: LogView) -> None:
    user = name("dozer")
    put_profile(pipeline, user, email=f"{user}@example.com", devices=[Device("ios", user)])
    pipeline.workers.end(["bulk"], signal.SIGTERM)
    try:
        nid = ask(pipeline, user, category="promotional", channels=CHANNELS)
        for channel in CHANNELS:
            topic = deliver_topic(channel, Priority.NORMAL)
            pipeline.log.until(lambda: pipeline.log.of(topic, lambda one: one.notification.notification_id == nid), "not handed over")  # noqa: B023
        put_profile(pipeline, user, quiet_hours=asleep())
        decided = now_ms()
        pipeline.log.until(lambda: now_ms() > decided + DECIDED_MS, "time does not pass")
    finally:
        pipeline.workers.start(["bulk"])
    told(pipeline, nid, "deferred", 2)
    first, second = (held(pipeline, timers, nid, user, channel) for channel in CHANNELS)
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (0, 0)
    report = audit_log(pipeline.endpoints.kafka, pipeline.endpoints.registry, notification=nid, settled=True)
    assert report.violations == []
    assert {channel: one.pending for channel, one in report.notifications[nid].channels.items()} == dict.fromkeys(CHANNELS, 1)

    put_profile(pipeline, user, reset=["quiet_hours"])
    for timer in (first, second):
        hasten(pipeline, timer, user)
    told(pipeline, nid, "sent", 2)
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (1, 1)
    report = audit_log(pipeline.endpoints.kafka, pipeline.endpoints.registry, notification=nid, settled=False)
    assert {violation.kind for violation in report.violations} <= {"released_early"}, "the timers were made to fire before their time"
    # it counted once: two more are told, and no third
    for end in ("sent", "sent", "suppressed"):
        told(pipeline, ask(pipeline, user, category="promotional", channels=CHANNELS), end, 2)
