"""One chunk of an audience: everybody is decided once on each channel, and the same way when it is decided again."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids
from schemas.records import AudienceExpanded, DeliverBatch, Device, ExpandAudience, Outcome, Profile, StatusBatch
from schemas.topics import FANOUT
from streams.audience.rules import Expansion, Person, Place, expand, next_chunk, outcomes
from streams.policy.loader import load_policy
from streams.policy.policy import UnknownCategory
from streams.profiles.stored import user_key
from tests.unit.streams.make import ALL, NID, NOW, command, notification, profile

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
    ),
)
commands = st.builds(
    command,
    notification=st.builds(
        notification,
        category=st.sampled_from(["transactional", "promotional"]),
        channels=st.lists(st.sampled_from(ALL), unique=True, min_size=1),
        expires_at=st.sampled_from([None, NOW - 1, NOW + 1]),
    ),
    chunk=st.integers(0, 5),
    last=st.booleans(),
    partitions=st.integers(1, 8),
)


@st.composite
def people(draw: st.DrawFn) -> list[Person]:
    known: list[Profile | None] = draw(st.lists(profiles, max_size=12))
    return [Person(f"u{number}", one, 100 + number if one else -1) for number, one in enumerate(known)]


def expanded(given_command: ExpandAudience, who: list[Person], rest: ExpandAudience | None = None) -> Expansion:
    return expand(given_command, who, rest, POLICY, PLACE)


def of_channel(made: Expansion, channel: str) -> tuple[DeliverBatch | None, StatusBatch | None]:
    batches = [one for one in made.batches if one.channel == channel]
    statuses = [one for one in made.statuses if one.channel == channel]
    assert len(batches) <= 1
    assert len(statuses) <= 1
    return (batches or [None])[0], (statuses or [None])[0]


@given(commands, people())
def test_everybody_is_queued_or_suppressed_once_on_each_channel(given_command: ExpandAudience, who: list[Person]) -> None:
    made = expanded(given_command, who)
    for channel in given_command.notification.channels:
        batch, status = of_channel(made, channel)
        queued, suppressed = batch.users if batch else [], status.users if status else []
        assert sorted([*queued, *suppressed]) == sorted(person.user for person in who)
        assert (made.progress.queued[channel], made.progress.suppressed[channel]) == (len(queued), len(suppressed))
    assert {one.channel for one in [*made.batches, *made.statuses]} <= set(given_command.notification.channels)


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
        made.progress.queued, made.progress.suppressed, NOW, 17,
    )  # fmt: skip


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
    assert outcomes(["no_address", "expired", "no_address"]) == (
        [Outcome("suppressed", "no_address"), Outcome("expired", "expired")],
        [0, 1, 0],
    )
    assert outcomes([]) == ([], [])


def test_a_batch_says_nothing_of_addresses() -> None:
    made = expanded(command(), [Person("ann", profile(), 1)])
    assert b"example.com" not in b"".join(msgspec.json.encode(batch) for batch in made.batches)


def test_users_beside_an_expression_are_those_after_the_cursor() -> None:
    users = [f"u{number}" for number in range(20)]
    ordered = sorted(users, key=user_key)
    rest = next_chunk(command(expression="all", users=users), ordered[11])
    assert sorted(rest.users, key=user_key) == ordered[12:]
