"""One chunk of an audience: everybody is decided once on each channel, and the same way when it is decided again."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids
from schemas.coded import coded
from schemas.records import AudienceExpanded, DeliverBatch, Device, ExpandAudience, Outcome, Profile, QuietHours, StatusBatch
from schemas.topics import FANOUT, HOUR_MS
from streams.audience.holds import counted_of
from streams.audience.rules import Expansion, Person, expand, next_chunk
from streams.audience.told import Place
from streams.policy.caps import Counters
from streams.policy.loader import load_policy
from streams.policy.policy import UnknownCategory
from streams.policy.quiet import quiet_until
from streams.profiles.stored import user_key
from tests.unit.streams.make import ALL, NID, NOW, binding, command, notification, profile

POLICY = load_policy()
PLACE = Place(topic=FANOUT, partition=3, offset=17, now=NOW)

profiles = st.one_of(
    st.none(),
    st.builds(
        profile,
        channels=st.lists(st.sampled_from(ALL), unique=True),
        muted_categories=st.lists(st.sampled_from(["promotional", "engagement"]), unique=True),
        email=st.sampled_from(["", "a@example.com"]),
        devices=st.sampled_from([[], [Device("ios", "1")], [Device("ios", "1"), Device("web", "2")]]),
        time_zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]),
        quiet_hours=st.sampled_from([None, None, QuietHours(0, 1439), QuietHours(1320, 420), QuietHours(1260, 480)]),
    ),
)
commands = st.builds(
    command,
    notification=st.builds(
        notification,
        category=st.sampled_from(["transactional", "promotional"]),
        channels=st.lists(st.sampled_from(ALL), unique=True, min_size=1),
        expires_at=st.sampled_from([None, None, NOW - 1, NOW + 1, NOW + 4 * HOUR_MS]),
    ),
    chunk=st.integers(0, 5),
    last=st.booleans(),
    partitions=st.integers(1, 8),
    hold_id=st.sampled_from(["", "a hold"]),
)


@st.composite
def people(draw: st.DrawFn) -> list[Person]:
    known: list[Profile | None] = draw(st.lists(profiles, max_size=12))
    return [Person(f"u{number}", one, 100 + number if one else -1) for number, one in enumerate(known)]


def expanded(given_command: ExpandAudience, who: list[Person], rest: ExpandAudience | None = None) -> Expansion:
    return expand(given_command, who, rest, POLICY, PLACE)


def of_channel(made: Expansion, channel: str) -> tuple[DeliverBatch | None, StatusBatch | None]:
    batches = [one for one in made.batches if one.channel == channel]
    statuses = [one for one in made.statuses if one.channel == channel and one.outcomes[0].status != "deferred"]
    assert len(batches) <= 1
    assert len(statuses) <= 1
    return (batches or [None])[0], (statuses or [None])[0]


@given(commands, people())
def test_everybody_is_queued_or_suppressed_or_held_once_on_each_channel(given_command: ExpandAudience, who: list[Person]) -> None:
    made = expanded(given_command, who)
    for channel in given_command.notification.channels:
        batch, status = of_channel(made, channel)
        queued, suppressed = batch.users if batch else [], status.users if status else []
        held = [user for hold in made.holds if channel in hold.command.channels for user in hold.command.users]
        assert sorted([*queued, *suppressed, *held]) == sorted(person.user for person in who)
        told = made.progress
        assert (told.queued[channel], told.suppressed[channel], told.deferred.get(channel, 0)) == (len(queued), len(suppressed), len(held))
    assert {one.channel for one in [*made.batches, *made.statuses]} <= set(given_command.notification.channels)


@given(commands, people())
def test_a_person_is_held_once_with_all_channels_that_could_be_sent(given_command: ExpandAudience, who: list[Person]) -> None:
    made = expanded(given_command, who)
    held = [user for hold in made.holds for user in hold.command.users]
    assert len(held) == len(set(held))
    assert not {user for batch in made.batches for user in batch.users} & set(held)
    assert len({hold.command.hold_id for hold in made.holds}) == len(made.holds)


@given(commands, people())
def test_who_is_held_is_told_until_when_and_is_not_released_before(given_command: ExpandAudience, who: list[Person]) -> None:
    made, known = expanded(given_command, who), {person.user: person for person in who}
    told = {status.status_id: status for status in made.statuses if status.outcomes[0].status == "deferred"}
    for hold in made.holds:
        for channel in hold.command.channels:
            status = told.pop(ids.deferred_id(hold.command.hold_id, channel))
            until = datetime.fromtimestamp(hold.until.release_at / 1000, UTC).isoformat()
            assert status.outcomes == [Outcome("deferred", "quiet_hours", until)]
            assert (status.channel, status.users) == (channel, hold.command.users)
        for user in hold.command.users:
            person = known[user].profile
            assert person
            assert quiet_until(person.time_zone, person.quiet_hours, NOW)
            assert not quiet_until(person.time_zone, person.quiet_hours, hold.until.release_at)
        assert NOW < hold.until.release_at < (given_command.notification.expires_at or 2 * NOW)
    assert told == {}


@given(commands, people())
def test_the_command_that_releases_asks_for_the_same_of_them_alone(given_command: ExpandAudience, who: list[Person]) -> None:
    for hold in expanded(given_command, who).holds:
        one = hold.command
        assert (one.notification, one.chunk, one.partitions) == (given_command.notification, given_command.chunk, given_command.partitions)
        assert (one.expression, one.cursor, one.last, one.not_before) == ("", "", False, 0)
        again = expanded(one, [person for person in who if person.user in one.users])
        assert {batch.batch_id for batch in again.batches} == set(), "it is still quiet"
        assert [other.command.hold_id for other in again.holds] != [one.hold_id]
        assert again.progress.hold_id == one.hold_id


@given(commands, people())
def test_each_cites_the_profile_it_was_decided_on(given_command: ExpandAudience, who: list[Person]) -> None:
    offsets = {person.user: person.offset for person in who}
    made = expanded(given_command, who)
    for one in [*made.batches, *made.statuses]:
        assert one.profile_offsets == [offsets[user] for user in one.users]
        assert one.policy_version == POLICY.version
    for status in made.statuses:
        assert [status.outcomes[number].reason != "" for number in status.outcome_of] == [True] * len(status.users)
        assert len(set(status.outcomes)) == len(status.outcomes)


@given(commands, people())
def test_deciding_again_on_the_same_gives_the_same(given_command: ExpandAudience, who: list[Person]) -> None:
    assert expanded(given_command, who) == expanded(given_command, who)


@given(commands, people())
def test_of_a_cancelled_campaign_everybody_is_told_so(given_command: ExpandAudience, who: list[Person]) -> None:
    made = expand(given_command, who, None, POLICY, PLACE, cancelled=True)
    assert made.batches == []
    for channel in given_command.notification.channels:
        _, status = of_channel(made, channel)
        assert (made.progress.queued[channel], made.progress.suppressed[channel]) == (0, len(who))
        assert (status.users if status else []) == [person.user for person in who]
        assert (status.outcomes if status else [Outcome("cancelled", "cancelled")]) == [Outcome("cancelled", "cancelled")]


def test_ids_tell_notification_partition_chunk_and_channel_apart() -> None:
    who = [Person("ann", profile(), 1), Person("bob", None, -1)]
    seen = set()
    for chunk, partition, nid in [(0, 0, NID), (1, 0, NID), (0, 1, NID), (0, 0, "other")]:
        one = command(notification=notification(notification_id=nid), chunk=chunk)
        made = expand(one, who, None, POLICY, Place(FANOUT, partition, 0, NOW))
        seen |= {batch.batch_id for batch in made.batches} | {status.status_id for status in made.statuses}
        assert made.batches[0].batch_id == ids.batch_id(nid, partition, chunk, "push")
    assert len(seen) == 4 * 2 * len(ALL)


@given(commands, people(), st.booleans())
def test_progress_says_whether_more_is_to_come(given_command: ExpandAudience, who: list[Person], more: bool) -> None:
    rest = next_chunk(given_command, "u9") if more else None
    made = expanded(given_command, who, rest)
    assert made.rest == rest
    assert made.progress == AudienceExpanded(
        NID, 3, given_command.chunk, given_command.partitions, not more and given_command.last, len(who),
        made.progress.queued, made.progress.suppressed, NOW, 17, given_command.hold_id, made.progress.deferred,
    )  # fmt: skip


@given(commands, people(), st.integers(0, 2))
def test_who_was_told_enough_is_told_so_on_all_channels_and_others_count_once(
    given_command: ExpandAudience, who: list[Person], before: int
) -> None:
    counters = dict.fromkeys((person.user for person in who), Counters(None, NOW))
    for person in who:
        for _ in range(before if person.user > "u3" else POLICY.an_hour):
            counters[person.user].count(person.user, "system")
    made = expand(given_command, who, None, POLICY, PLACE, counters=counters)
    sent = {user for batch in made.batches for user in batch.users}
    held = {user for hold in made.holds for user in hold.command.users}
    capped = {
        user
        for status in made.statuses
        for user, number in zip(status.users, status.outcome_of, strict=True)
        if status.outcomes[number].reason == "hourly_limit"
    }
    promotional = given_command.notification.category == "promotional"
    assert not capped & sent
    assert not capped & held
    assert {user for user in capped if user > "u3"} == set()
    assert not promotional or not {user for user in sent if user <= "u3"}
    for user, mine in counters.items():
        told = before if user > "u3" else POLICY.an_hour
        assert mine.over(user, binding("frequency_cap"), POLICY, told + (user in sent)) == "frequency_cap"
        assert not mine.over(user, binding("frequency_cap"), POLICY, told + (user in sent) + 1)


def test_what_is_counted_says_on_how_many_channels_each_is_handed_over_and_nothing_else_does() -> None:
    who = [Person("ann", profile(channels=["email"]), 1), Person("bob", profile(), 2), Person("cid", None, -1)]
    one = command(notification=notification(category="promotional", channels=["push", "email"]))
    made = expand(one, who, None, POLICY, PLACE, counters=dict.fromkeys(("ann", "bob", "cid"), Counters(None, NOW)))
    assert {batch.channel: (batch.users, batch.counted_on) for batch in made.batches} == {
        "push": (["bob"], [2]),
        "email": (["ann", "bob"], [1, 2]),
    }
    assert [batch.counted_on for batch in expanded(one, who).batches] == [[], []]


def test_for_whom_it_was_counted_before_caps_neither_bind_nor_count_it() -> None:
    """Also when they are held once more."""
    wanted = notification(category="promotional", channels=["email"])
    one = command(notification=wanted, users=["ann", "bob", "cid"], hold_id="h-1", channels=["email"], counted=[True, False, True])
    asleep = profile(quiet_hours=QuietHours(1260, 420))  # it is 22:13
    who = [Person("ann", profile(), 1), Person("bob", profile(), 2), Person("cid", asleep, 3), Person("dan", asleep, 4)]
    assert counted_of(one) == {"ann", "cid"}
    counters = {name: Counters(None, NOW) for name in ("bob", "dan")}
    made = expand(one, who, None, POLICY, PLACE, counters=counters)
    assert [(batch.users, batch.counted_on) for batch in made.batches] == [(["ann", "bob"], [0, 1])]
    assert [(hold.command.users, hold.command.counted) for hold in made.holds] == [(["cid", "dan"], [True, False])]
    assert counters["bob"].over("bob", binding("frequency_cap"), POLICY, 1) == "frequency_cap"
    (hold,) = expanded(command(notification=wanted, users=["cid"]), [who[2]]).holds
    assert hold.command.counted == []


def test_a_release_has_ids_of_its_own() -> None:
    who = [Person("ann", profile(), 1), Person("bob", None, -1)]
    made = expanded(command(hold_id="h-1", channels=["email"]), who)
    assert [one.batch_id for one in made.batches] == [ids.batch_id(NID, 3, "h-1", "email")]
    assert [one.status_id for one in made.statuses] == [ids.status_id(ids.batch_id(NID, 3, "h-1", "email"), "suppressed")]
    assert (made.progress.queued, made.progress.suppressed) == ({"email": 1}, {"email": 1})


def test_of_a_cancelled_campaign_who_is_released_is_told_so_on_the_channels_of_the_hold() -> None:
    one = command(hold_id="h-1", channels=["email"])
    made = expand(one, [Person("ann", profile(), 1)], None, POLICY, PLACE, cancelled=True)
    assert [(status.channel, status.outcomes) for status in made.statuses] == [("email", [Outcome("cancelled", "cancelled")])]


def test_a_channel_that_is_named_twice_is_one() -> None:
    made = expanded(command(notification=notification(channels=["push", "push"])), [Person("ann", profile(), 1)])
    assert [batch.users for batch in made.batches] == [["ann"]]


def test_nobody_is_progress_too() -> None:
    made = expanded(command(), [])
    assert (made.batches, made.statuses) == ([], [])
    assert made.progress.users == 0
    assert made.progress.last


def test_the_next_chunk_goes_on_after_the_cursor() -> None:
    assert next_chunk(command(chunk=4, expression="all", not_before=NOW), "u7") == command(chunk=5, expression="all", cursor="u7")


def test_where_it_came_from_is_on_record() -> None:
    made = expanded(command(), [Person("ann", profile(), 1), Person("bob", None, -1)])
    assert {(s.caused_by_topic, s.caused_by_partition, s.caused_by_offset, s.at) for s in made.statuses} == {("notify.fanout", 3, 17, NOW)}
    assert {(b.fanout_offset, b.decided_at) for b in made.batches} == {(17, NOW)}


def test_a_category_nobody_knows_refuses_the_command() -> None:
    with pytest.raises(UnknownCategory):
        expanded(command(notification=notification(category="spam")), [])


def test_outcomes_are_said_once_each() -> None:
    no_address, expired = Outcome("suppressed", "no_address"), Outcome("expired", "expired")
    assert coded([no_address, expired, no_address]) == ([no_address, expired], [0, 1, 0])
    assert coded([]) == ([], [])


def test_a_batch_says_nothing_of_addresses() -> None:
    made = expanded(command(), [Person("ann", profile(), 1)])
    assert b"example.com" not in b"".join(msgspec.json.encode(batch) for batch in made.batches)


def test_users_beside_an_expression_are_those_after_the_cursor() -> None:
    users = [f"u{number}" for number in range(20)]
    ordered = sorted(users, key=user_key)
    rest = next_chunk(command(expression="all", users=users), ordered[11])
    assert sorted(rest.users, key=user_key) == ordered[12:]
