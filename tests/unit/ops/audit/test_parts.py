"""A list in parts: its users are those of all parts, and what is not there yet is waited for."""

import msgspec
import pytest

from ops.audit.model import Place, Terms
from ops.audit.report import Findings, Report
from ops.audit.requests import Requests
from schemas.partition import partition_of
from schemas.records import Audience, ExpandAudience, NotificationRequested
from schemas.topics import EXPANSIONS, FANOUT, REQUESTS
from tests.unit.ops.audit.world import HOME, NOW, PARTITIONS, SALE, T0, USERS, World, consistent, expand, judge

LIST = msgspec.structs.replace(SALE, notification_id="a list")
NAMED = sorted(USERS[:20])
CUT = 12
AT = partition_of("a list", PARTITIONS)


def part(number: int, users: list[str]) -> NotificationRequested:
    return NotificationRequested(LIST, Audience(users), "k", part=number, users_in_all=len(NAMED))


def told(world: World, number: int, users: list[str], at: int = T0 + 1000) -> None:
    """A part, and all that follows from it."""
    world.write(REQUESTS, AT, at, "a list", part(number, users))
    for partition in range(PARTITIONS):
        mine, last = [user for user in users if HOME[user] == partition], number == 1
        command = ExpandAudience(notification=LIST, users=mine, chunk=number, last=last, partitions=PARTITIONS)
        expand(world, partition, command, mine, PARTITIONS, last)


def whole() -> World:
    world = consistent()
    told(world, 0, NAMED[:CUT])
    told(world, 1, NAMED[CUT:])
    return world


def begun() -> World:
    world = consistent()
    told(world, 0, NAMED[:CUT])
    return world


def about(report: Report) -> tuple[dict[str, int], bool, set[int]]:
    sums = report.notifications["a list"]
    return report.counts, sums.expanded, {channel.audience for channel in sums.channels.values()}


def test_all_parts_are_one_audience() -> None:
    assert about(judge(whole())) == ({}, True, {len(NAMED)})


def test_a_part_that_comes_twice_counts_once() -> None:
    world = whole()
    world.write(REQUESTS, AT, T0 + 1000, "a list", part(0, NAMED[:CUT]))
    assert about(judge(world)) == ({}, True, {len(NAMED)})


def test_a_part_that_is_not_there_is_waited_for_until_nothing_is_under_way() -> None:
    assert about(judge(begun(), settled=False)) == ({}, False, {CUT})
    assert judge(begun()).counts == {"part_missing": 1}


def test_a_part_that_was_not_planned_yet_is_waited_for() -> None:
    world = begun()
    world.write(REQUESTS, AT, NOW - 1, "a list", part(1, NAMED[CUT:]))
    assert about(judge(world, settled=False)) == ({}, False, {CUT})
    assert {"last_missing", "audience_differs"} <= judge(world).counts.keys()


@pytest.mark.parametrize("first", [True, False])
def test_a_part_in_the_dead_letter_topic_is_known_to_be_missing(first: bool) -> None:
    world = begun()
    offset = world.write(REQUESTS, AT, T0 + 1000, "a list", part(1, NAMED[CUT:]))
    if first:
        world.topics[REQUESTS].reverse()
    assert judge(world, held=frozenset([Place(REQUESTS, AT, offset)])).counts == {}


def test_users_of_no_part_are_nobody_who_was_asked_for() -> None:
    world = whole()
    entry = world.find(FANOUT, lambda it: it.notification == LIST and it.chunk == 0)
    world.swap(entry, users=[*entry.record.users[1:], next(user for user in USERS[20:] if HOME[user] == entry.place.partition)])
    assert "audience_differs" in judge(world).counts


def test_while_timers_fire_chunks_may_be_told_of_in_any_order() -> None:
    world = whole()
    later = msgspec.structs.replace(LIST, not_before=T0 + 1500)
    for entry in [it for it in world.topics[REQUESTS] if it.record.notification == LIST]:
        world.swap(entry, notification=later)
    gone = world.find(EXPANSIONS, lambda it: it.notification_id == "a list" and it.chunk == 0)
    world.drop(gone)
    assert "chunk_missing" not in judge(world, settled=False).counts
    assert "chunk_missing" in judge(world).counts


def test_requests_keep_the_place_of_the_first_part() -> None:
    world, requests = whole(), Requests(Terms(now_ms=NOW), Findings(), PARTITIONS)
    for entry in world.topics[REQUESTS]:
        requests.note(entry)
    asked = requests.asked["a list"]
    first, second = [entry.place for entry in world.topics[REQUESTS] if entry.record.notification == LIST]
    assert (asked.place, asked.parts and asked.parts.offset) == (first, second.offset)
    assert {user for users in (asked.homes or {}).values() for user in users} == set(NAMED)
