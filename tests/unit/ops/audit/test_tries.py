"""Who is tried on one channel after the other: a part of each channel's audience once they are tried on it; and what is wrong is found."""

import msgspec

from ops.audit.report import Report
from schemas import ids
from schemas.partition import partition_of
from schemas.records import Audience, AudienceExpanded, ChannelEnded, ChannelOverdue, DeliverBatch, ExpandAudience, Outcome, Priority
from schemas.topics import EXPANSIONS, FANOUT_URGENT, REQUESTS, STATUS
from tests.unit.ops.audit.world import HOME, PARTITIONS, T0, USERS, World, consistent, deliver, judge, notification, profiles, refused

PIN = notification("pin", [], Priority.CRITICAL)
ID = PIN.notification_id
PARTITION = HOME[USERS[0]]
MINE = [user for user in USERS if HOME[user] == PARTITION][:5]
PUSHED, WITHOUT = MINE[:3], MINE[3:]


def pushed() -> World:
    """Three are sent a push, two have no device."""
    world = consistent()
    request = msgspec.structs.replace(world.find(REQUESTS).record, notification=PIN, audience=Audience(users=MINE))
    world.write(REQUESTS, partition_of(ID, PARTITIONS), T0, ID, request)
    meet(world, ExpandAudience(notification=PIN, users=MINE, partitions=1), "push", PUSHED, WITHOUT)
    return world


def tried(world: World, users: list[str], before: str = "push") -> ExpandAudience:
    """They are mailed."""
    hold = ids.try_id(ID, PARTITION, "email", users)
    one = ExpandAudience(notification=PIN, users=users, partitions=1, last=False, hold_id=hold, channels=["email"], tried=before)
    meet(world, one, "email", users, [])
    return one


def meet(world: World, one: ExpandAudience, channel: str, send: list[str], refuse: list[str]) -> None:
    offset = world.write(FANOUT_URGENT, PARTITION, T0 + 2000, ID, one)
    batch_id = ids.batch_id(ID, PARTITION, one.hold_id or one.chunk, channel)
    deliver(world, PARTITION, DeliverBatch(batch_id, PIN, channel, send, profiles(world, send), "p1", T0 + 3000, offset, followed=True))
    if refuse:
        world.write(STATUS, PARTITION, T0 + 3000, ID, refused(world, PIN, channel, batch_id, refuse, (FANOUT_URGENT, PARTITION, offset)))
    counts = {channel: len(send)}, {channel: len(refuse)}
    told = AudienceExpanded(ID, PARTITION, 0, 1, one.last, len(one.users), *counts, T0 + 3000, offset, one.hold_id, {}, one.tried)
    world.write(EXPANSIONS, partition_of(ID, PARTITIONS), T0 + 3000, ID, told)


def sums(report: Report, channel: str) -> tuple[int, int]:
    found = report.notifications[ID].channels[channel]
    return found.audience, sum(found.outcomes.values())


def test_each_channel_s_audience_are_those_who_were_tried_on_it() -> None:
    world = pushed()
    report = judge(world)
    assert report.green, report.violations
    assert (set(report.notifications[ID].channels), sums(report, "push")) == ({"push"}, (5, 5))
    ended = ChannelEnded(
        notification=PIN, channel="push", users=PUSHED[:1], outcomes=[Outcome("failed", "x")], outcome_of=[0], at=T0 + 4000
    )
    world.write(FANOUT_URGENT, PARTITION, T0 + 4000, ID, ended)
    world.write(FANOUT_URGENT, PARTITION, T0 + 5000, ID, ChannelOverdue(PIN, "push", PUSHED))
    tried(world, [*WITHOUT, PUSHED[0]])
    report = judge(world)
    assert report.green, report.violations
    assert (sums(report, "push"), sums(report, "email")) == ((5, 5), (3, 3))


def test_a_try_that_is_not_told_of_yet_counts_as_far_as_it_is_there() -> None:
    world = pushed()
    one = tried(world, WITHOUT)
    world.drop(world.find(EXPANSIONS, lambda it: it.hold_id == one.hold_id))
    report = judge(world, settled=False)
    assert report.green, report.violations
    assert sums(report, "email") == (2, 2)


def test_a_try_that_was_never_decided_is_found() -> None:
    world = pushed()
    one = tried(world, WITHOUT)
    batch_id = ids.batch_id(ID, PARTITION, one.hold_id, "email")
    world.drop(world.find(EXPANSIONS, lambda it: it.hold_id == one.hold_id))
    world.drop(world.find(STATUS, lambda it: it.batch_id == batch_id))
    world.drop(world.find("notify.deliver.email.critical", lambda it: it.batch_id == batch_id))
    assert dict(judge(world).counts) == {"chunk_missing": 1}


def test_who_is_tried_twice_on_a_channel_is_found() -> None:
    world = pushed()
    tried(world, WITHOUT)
    tried(world, WITHOUT[:1])
    assert dict(judge(world).counts) == {"recipient_twice": 1}


def test_who_is_tried_after_a_channel_where_they_never_were_is_found() -> None:
    world = pushed()
    tried(world, WITHOUT, before="in_app")
    assert dict(judge(world).counts) == {"try_without_cause": 1}
