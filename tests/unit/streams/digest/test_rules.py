"""Digests: as an oracle says that counts everything anew, and in cases that are worth a name."""

from typing import Any

import msgspec

from schemas.ids import digest_id
from schemas.records import QuietHours
from streams.digest.content import ENDED, GONE
from streams.digest.rules import HAD, HELD, NOW, REMEMBERED_MS, Next, Timer, Whose, arrived, cancelled, fired, gone, seen
from streams.digest.state import MOST_MEMBERS, State, packed
from streams.digest.windows import Terms, ends_at
from streams.policy.policy import DigestPolicy
from tests.generated import HISTORIES
from tests.unit.streams import make
from tests.unit.streams.digest.histories import run

T0 = make.NOW
MINUTE_MS, DAY_MS = 60_000, 86_400_000
WINDOW_MS = 5 * MINUTE_MS
WHOSE = Whose("ann", "engagement", "likes:7")


def terms(*, zone: str = "UTC", hour: int | None = None, quiet: QuietHours | None = None, **policy: Any) -> Terms:
    profile = make.profile(time_zone=zone, daily_digest=hour, quiet_hours=quiet)
    return Terms(DigestPolicy(**{"window_ms": WINDOW_MS, **policy}), profile, True, 0)


def arrive(state: State | None, name: str, at: int, of: Terms | None = None, actor: str = "Bo", **changed: Any) -> Next:
    return arrived(state, WHOSE, make.notification(notification_id=name, **changed), actor, of or terms(), at)


def held(*names: str, of: Terms | None = None, at: int = T0) -> State:
    state: State | None = None
    for name in names:
        state = arrive(state, name, at, of).state
    assert state is not None
    return state


def digest_of(first: str) -> str:
    return digest_id(*WHOSE, first)


def test_every_history_comes_to_what_the_oracle_says() -> None:
    assert run(HISTORIES, derandomize=HISTORIES <= 1000) >= HISTORIES


def test_the_first_begins_a_window_and_all_in_it_become_one() -> None:
    first = arrive(None, "n-1", T0)
    assert (first.answer, first.digest_id, first.timers) == (HELD, digest_of("n-1"), (Timer("n-1", T0 + WINDOW_MS),))
    second = arrive(first.state, "n-2", T0 + 1)
    assert (second.answer, second.digest_id, second.timers) == (HELD, digest_of("n-1"), ())
    ended = fired(second.state, WHOSE, "n-1", terms(), T0 + WINDOW_MS)
    assert ended.made is not None
    assert ended.made.why == ENDED
    assert ended.made.notification.notification_id == digest_of("n-1")
    assert ended.made.notification.data["digest_count"] == "2"
    assert fired(ended.state, WHOSE, "n-1", terms(), T0 + WINDOW_MS + 1) == Next(ended.state)


def test_what_arrives_before_the_timers_record_is_met_is_a_member_however_late() -> None:
    late = arrive(held("n-1"), "n-2", T0 + WINDOW_MS + 9)
    assert (late.answer, late.digest_id) == (HELD, digest_of("n-1"))
    ended = fired(late.state, WHOSE, "n-1", terms(), T0 + WINDOW_MS + 10)
    after = arrive(ended.state, "n-3", T0 + WINDOW_MS + 11)
    assert (after.answer, after.digest_id) == (HELD, digest_of("n-3"))


def test_as_many_as_policy_says_end_it_and_the_timer_then_finds_another_window() -> None:
    of = terms(count=2)
    last = arrive(held("n-1", of=of), "n-2", T0 + WINDOW_MS, of)
    assert last.made is not None
    assert (last.answer, last.digest_id, last.timers[0]) == (HELD, digest_of("n-1"), Timer("n-1", None))
    assert fired(last.state, WHOSE, "n-1", of, T0 + WINDOW_MS).made is None


def test_the_first_at_once_and_then_digests_until_a_window_in_which_nothing_came() -> None:
    of = terms(first_now=True)
    first = arrive(None, "n-1", T0, of)
    assert (first.answer, first.made) == (NOW, None)
    second = arrive(first.state, "n-2", T0 + 1, of)
    assert (second.answer, second.digest_id, second.timers) == (HELD, digest_of("n-2"), ())
    ended = fired(second.state, WHOSE, "n-1", of, T0 + WINDOW_MS)
    assert ended.made is not None
    assert ended.timers == (Timer("n-1", None), Timer(digest_of("n-2"), T0 + 2 * WINDOW_MS))
    assert arrive(ended.state, "n-3", T0 + WINDOW_MS + 1, of).answer == HELD
    nothing = fired(ended.state, WHOSE, digest_of("n-2"), of, T0 + 2 * WINDOW_MS)
    assert nothing == Next(None)
    assert arrive(nothing.state, "n-4", T0 + 2 * WINDOW_MS + 1, of).answer == NOW


def test_a_repetition_changes_nothing_while_it_waits_and_for_a_while_after() -> None:
    open_ = held("n-1", "n-2")
    assert arrive(open_, "n-1", T0 + 2) == Next(open_, answer=HAD)
    ended = fired(open_, WHOSE, "n-1", terms(), T0 + WINDOW_MS - 1).state
    assert arrive(ended, "n-2", T0 + WINDOW_MS - 1) == Next(ended, answer=HAD)


def test_in_the_end_nothing_is_kept() -> None:
    late = arrive(held("n-1"), "n-2", T0 + WINDOW_MS - 1)
    ended = fired(late.state, WHOSE, "n-1", terms(), T0 + WINDOW_MS)
    forgotten_at = T0 + WINDOW_MS - 1 + REMEMBERED_MS
    assert ended.timers == (Timer("n-1", None), Timer(digest_of("n-1"), forgotten_at))
    assert fired(ended.state, WHOSE, digest_of("n-1"), terms(), forgotten_at) == Next(None)


def test_what_can_not_wait_is_told_at_once() -> None:
    alone = arrive(None, "n-1", T0, expires_at=T0 + WINDOW_MS)
    assert alone.answer == NOW
    assert arrive(alone.state, "n-1", T0 + 1).answer == HAD
    assert arrive(None, "n-1", T0, expires_at=T0 + WINDOW_MS + 1).answer == HELD
    assert arrive(held("n-1"), "n-2", T0 + 1, expires_at=T0 + WINDOW_MS).answer == NOW


def test_who_was_seen_after_the_last_came_is_not_disturbed() -> None:
    open_ = held("n-1", "n-2", at=T0 + 5)
    assert seen(open_, WHOSE, T0 + 5, terms(), T0 + 9) == Next(open_)
    after = seen(open_, WHOSE, T0 + 6, terms(), T0 + 9)
    assert after.made is not None
    assert (after.made.why, after.made.notification.data["digest_count"]) == ("seen", "2")
    assert seen(after.state, WHOSE, T0 + 6, terms(), T0 + 9) == Next(after.state)


def test_who_was_seen_waits_for_the_end_of_the_window_that_follows_on_what_was_told() -> None:
    of = terms(first_now=True)
    after = seen(held("n-1", "n-2", of=of), WHOSE, T0 + 1, of, T0 + 1)
    assert after.made is not None
    assert after.timers == ()
    assert arrive(after.state, "n-3", T0 + 2, of).answer == HELD


def test_who_is_cancelled_is_not_in_it_and_the_name_stays() -> None:
    left = cancelled(held("n-1", "n-2"), WHOSE, "n-1", terms(), T0 + 1)
    ended = fired(left.state, WHOSE, "n-1", terms(), T0 + WINDOW_MS)
    assert ended.made is not None
    assert (ended.made.notification.notification_id, ended.made.notification.data["digest_count"]) == (digest_of("n-1"), "1")
    assert cancelled(held("n-1"), WHOSE, "n-9", terms(), T0) == Next(held("n-1"))


def test_when_all_are_cancelled_what_they_name_is_made_to_be_cancelled() -> None:
    none = cancelled(held("n-1"), WHOSE, "n-1", terms(), T0 + 1)
    assert none.made is not None
    assert (none.made.why, none.made.notification.data) == ("cancelled", {"digest_count": "0"})
    assert arrive(none.state, "n-2", T0 + 2).digest_id == digest_of("n-2")


def test_of_one_who_is_gone_only_a_number_is_left() -> None:
    after = gone(held("n-1", "n-2"), WHOSE, T0 + 1)
    assert after.made is not None
    assert (after.state, after.timers, after.made.why) == (None, (Timer("n-1", None),), GONE)
    assert after.made.notification.data == {"digest_count": "2"}
    assert gone(None, WHOSE, T0) == Next(None)


def test_when_nothing_is_digested_any_more_the_timer_ends_it() -> None:
    ended = fired(held("n-1"), WHOSE, "n-1", None, T0 + WINDOW_MS)
    assert ended.made is not None
    assert ended.made.why == ENDED


def test_who_wants_one_a_day_gets_one_a_day() -> None:
    of = terms(zone="Asia/Kathmandu", hour=18, first_now=True, daily=True, count=2)
    state = held("n-1", "n-2", "n-3", of=of)
    assert state.due == ends_at(of, T0) > T0 + WINDOW_MS
    assert state.count == 3


def test_who_moves_while_something_waits_gets_it_by_the_new_clock() -> None:
    east, west = (terms(zone=zone, hour=18, daily=True) for zone in ("Asia/Tokyo", "America/Los_Angeles"))
    state = held("n-1", of=west)
    again = fired(state, WHOSE, "n-1", east, state.due)
    assert (again.made, again.timers) == (None, (Timer("n-1", ends_at(east, T0)),))
    moved = arrive(held("n-1", of=east), "n-2", T0 + 1, west)
    assert moved.timers == (Timer("n-1", ends_at(west, T0)),)


def test_a_night_has_one_digest() -> None:
    minute = T0 // MINUTE_MS % 1440
    of = terms(first_now=True, quiet=QuietHours((minute - 60) % 1440, (minute + 60) % 1440))
    first = arrive(None, "n-1", T0, of)
    assert first.answer == HELD
    assert first.timers[0].due == (T0 // MINUTE_MS + 60) * MINUTE_MS


def test_beyond_the_most_they_are_counted() -> None:
    state = held(*(f"n-{number}" for number in range(MOST_MEMBERS + 3)))
    assert (len(state.members), state.more, state.count) == (MOST_MEMBERS, 3, MOST_MEMBERS + 3)
    assert arrive(state, f"n-{MOST_MEMBERS + 2}", T0).answer == HAD
    assert cancelled(state, WHOSE, f"n-{MOST_MEMBERS}", terms(), T0).state == state
    assert len(packed(state) or b"") < 100_000


def test_a_digest_is_of_use_as_long_as_one_of_its_members() -> None:
    def expiry(*expiries: int | None) -> int | None:
        state: State | None = None
        for number, expires_at in enumerate(expiries):
            state = arrive(state, f"n-{number}", T0, expires_at=expires_at).state
        made = fired(state, WHOSE, "n-0", terms(), T0 + WINDOW_MS).made
        assert made is not None
        return made.notification.expires_at

    assert expiry(T0 + DAY_MS, T0 + 2 * DAY_MS, T0 + DAY_MS) == T0 + 2 * DAY_MS
    assert expiry(T0 + DAY_MS, None) is None


def test_a_digest_is_like_its_first_member_but_for_what_it_says_and_when() -> None:
    state = arrive(held("n-1"), "n-2", T0 + 1, category="engagement", template_id="other").state
    made = fired(state, WHOSE, "n-1", terms(), T0 + WINDOW_MS).made
    assert made is not None
    expected = make.notification(
        notification_id=digest_of("n-1"), source="digest", data={}, occurred_at=T0 + WINDOW_MS, accepted_at=T0 + WINDOW_MS
    )
    assert msgspec.structs.replace(made.notification, data={}) == expected
