"""Holds: nobody is in two, everybody is in one, none is released after its time, and there are not too many."""

from hypothesis import given
from hypothesis import strategies as st

from schemas import ids
from schemas.records import ExpandAudience
from streams.audience.holds import Until, Waiting, holds_of, limit_of
from tests.unit.streams.make import ALL, NID, NOW, command, notification

SETS = [("push",), ("email",), ("push", "email"), ALL]
WAITS_FOR = ["quiet_hours", "local_time"]
untils = st.builds(Until, st.integers(NOW, NOW + 200), st.sampled_from(SETS), st.sampled_from(WAITS_FOR))


@st.composite
def groups(draw: st.DrawFn) -> dict[Until, Waiting]:
    names = draw(st.lists(untils, unique=True, max_size=80))
    return {until: Waiting([f"u{number}", f"v{number}"], [number, -number]) for number, until in enumerate(names)}


def weighing(size: int) -> ExpandAudience:
    return command(notification=notification(data={"text": "x" * size}), expression="all", cursor="u", chunk=3, not_before=NOW)


@given(groups(), st.sampled_from([0, 5_000, 60_000]))
def test_everybody_is_in_one_hold_that_is_not_later_than_their_time(held: dict[Until, Waiting], size: int) -> None:
    found = {}
    for hold in holds_of(weighing(size), "3", 0, held):
        for user, offset in zip(hold.command.users, hold.offsets, strict=True):
            assert user not in found
            found[user] = (hold.until, tuple(hold.command.channels), offset)
    for until, waiting in held.items():
        for user, offset in zip(*waiting, strict=True):
            due, channels, its = found.pop(user)
            assert (channels, due.waits_for, its) == (until.channels, until.waits_for, offset)
            assert due.release_at <= until.release_at
    assert found == {}


@given(groups(), st.sampled_from([0, 5_000, 60_000]))
def test_what_they_write_is_bounded(held: dict[Until, Waiting], size: int) -> None:
    one = weighing(size)
    holds, limit = holds_of(one, "3", 0, held), limit_of(one.notification, max((len(until.channels) for until in held), default=0))
    assert len(holds) <= max(limit, len({(until.channels, until.waits_for) for until in held}))
    if len(held) <= limit // (len(SETS) * len(WAITS_FOR)):
        assert len(holds) == len(held), "nobody is released before their time without need"


@given(groups())
def test_who_is_released_early_is_so_with_the_first_of_their_neighbours(held: dict[Until, Waiting]) -> None:
    assert {hold.until for hold in holds_of(weighing(60_000), "3", 0, held)} <= set(held)


def test_the_limit_is_by_the_bytes_of_the_notification() -> None:
    assert limit_of(notification(), 3) > 100
    assert limit_of(notification(data={"text": "x" * 60_000}), 3) == 1
    assert limit_of(notification(data={"text": "x" * 60_000}), 1) == 2


def test_ids_tell_mark_partition_time_channels_and_reason_apart() -> None:
    at = Until(NOW, ("push", "email"), "quiet_hours")
    held = {at: Waiting(["u"], [1])}
    (hold,) = holds_of(weighing(0), "3", 0, held)
    assert hold.command.hold_id == ids.hold_id(NID, 0, "3", NOW, ["push", "email"], "quiet_hours")
    others = [
        *holds_of(weighing(0), "4", 0, held),
        *holds_of(weighing(0), "3", 1, held),
        *holds_of(weighing(0), "3", 0, {at._replace(release_at=NOW + 1): held[at]}),
        *holds_of(weighing(0), "3", 0, {at._replace(channels=("push",)): held[at]}),
        *holds_of(weighing(0), "3", 0, {at._replace(waits_for="local_time"): held[at]}),
    ]
    assert len({hold.command.hold_id, *(other.command.hold_id for other in others)}) == 6
