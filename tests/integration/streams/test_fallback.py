"""Codes that name no channel, on a real log: pushed, and mailed when that can't be, or when the push had its minute."""

from collections.abc import Iterator

import pytest

from ops.audit.run import audit_log
from schemas.clock import now_ms
from schemas.partition import partition_of
from schemas.records import ChannelOverdue, Device, Priority, SetTimer
from schemas.topics import DEFAULT_PARTITIONS, FANOUT_URGENT, TIMERS
from tests.faults.log import LogView
from tests.integration.streams.conftest import Pipeline
from tests.integration.streams.test_pipeline import ask, name, put_profile, statuses

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def timers(pipeline: Pipeline) -> Iterator[LogView]:
    """What is to be written later."""
    view = LogView(pipeline.endpoints, [TIMERS])
    yield view
    view.close()


def told(pipeline: Pipeline, nid: str, channels: int) -> None:
    pipeline.log.until(lambda: len(statuses(pipeline, nid)) == channels, f"not told on {channels} channels")


def overdue(pipeline: Pipeline, timers: LogView, nid: str) -> SetTimer:
    """The timer of the channel that is tried."""

    def about(one: SetTimer) -> str:
        return pipeline.log.codec.decode(one.write.value if one.write else None, ChannelOverdue).notification.notification_id

    def timer() -> SetTimer | None:
        timers.poll(0.05)
        known = (entry.record for entry in timers.entries[TIMERS] if isinstance(entry.record, SetTimer))
        return next((one for one in known if one.kind == "fallback" and about(one) == nid), None)

    found: SetTimer = pipeline.log.until(timer, "no timer of a channel")
    return found


def adds_up(pipeline: Pipeline, nid: str, audience: dict[str, int]) -> None:
    report = audit_log(pipeline.endpoints.kafka, pipeline.endpoints.registry, notification=nid, settled=True)
    assert report.violations == []
    assert {channel: one.audience for channel, one in report.notifications[nid].channels.items()} == audience


def test_who_has_no_device_is_mailed_at_once(pipeline: Pipeline) -> None:
    user = name("offline")
    put_profile(pipeline, user, email=f"{user}@example.com")
    nid = ask(pipeline, user, channels=[], priority=Priority.CRITICAL)
    told(pipeline, nid, 2)
    assert statuses(pipeline, nid) == {(user, "push"): ("suppressed", "no_address"), (user, "email"): ("sent", "")}
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (0, 1)
    adds_up(pipeline, nid, {"push": 1, "email": 1})


def test_who_was_pushed_is_mailed_once_when_the_push_had_its_time(pipeline: Pipeline, timers: LogView) -> None:
    user = name("away")
    put_profile(pipeline, user, email=f"{user}@example.com", devices=[Device("ios", user)])
    nid = ask(pipeline, user, channels=[], priority=Priority.CRITICAL)
    told(pipeline, nid, 1)
    assert statuses(pipeline, nid) == {(user, "push"): ("sent", "")}
    adds_up(pipeline, nid, {"push": 1})
    timer = overdue(pipeline, timers, nid)
    assert timer.due > now_ms()
    for _ in range(2):  # due now, and once more
        again = SetTimer(timer.timer_id, now_ms(), timer.kind, timer.write)
        pipeline.log.write(TIMERS, again, key=timer.timer_id, partition=partition_of(user, DEFAULT_PARTITIONS))
    told(pipeline, nid, 2)
    pipeline.log.until(
        lambda: pipeline.log.of(FANOUT_URGENT, lambda one: getattr(one, "tried", "") == "push" and one.notification.notification_id == nid),
        "no try on the log",
    )
    assert statuses(pipeline, nid)[user, "email"] == ("sent", "")
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (1, 1)
    adds_up(pipeline, nid, {"push": 1, "email": 1})
