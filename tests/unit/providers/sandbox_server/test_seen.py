"""Counts are exact: the compact structure says what plain dicts of strings say."""

from hypothesis import given
from hypothesis import strategies as st

from providers.sandbox_server.seen import TICK_NS, Seen, Sighting
from providers.sandbox_server.wire import Recipient

START_NS = 1_800_000_000 * 10**9
few = st.integers(0, 3)
arrivals = st.lists(st.tuples(few, st.lists(st.tuples(few, few, few), min_size=1, max_size=6)), max_size=8)


def recipient(user: int, address: int, message: int) -> Recipient:
    return Recipient(message_id=f"m{message}", user_id=f"u{user}", address=f"a{address}")


@given(arrivals)
def test_every_repeat_is_seen_and_nothing_else(requests: list[tuple[int, list[tuple[int, int, int]]]]) -> None:
    seen = Seen()
    first: dict[tuple[int, int, int], int | None] = {}
    users: dict[tuple[int, int], list[int]] = {}
    messages: set[int] = set()
    for number, (scope, items) in enumerate(requests):
        now_ns = START_NS + number * TICK_NS
        expected, again = {}, 0
        for index, (user, address, message) in enumerate(items):
            if (before := first.setdefault((scope, user, address), None)) is not None:
                expected[index] = before
            elif (user, address) in {item[:2] for item in items[:index]}:
                expected[index] = now_ns
            users.setdefault((scope, user), []).append(now_ns)
            again += message in messages
            messages.add(message)
        first |= {(scope, user, address): first[scope, user, address] or now_ns for user, address, _ in items}
        batch = [recipient(*item) for item in items]
        assert seen.note((str(scope), "push"), batch, now_ns) == expected
        assert seen.note_messages(batch) == again
    for (scope, user), times in users.items():
        assert seen.user((str(scope), "push"), f"u{user}") == Sighting(len(times), times[0], times[-1])


def test_who_was_never_reached_is_not_there() -> None:
    assert Seen().user(("n", "push"), "u") is None


def test_a_clock_that_steps_back_does_no_harm() -> None:
    seen = Seen()
    seen.note(("n", "push"), [recipient(1, 1, 1)], START_NS)
    seen.note(("n", "push"), [recipient(2, 1, 2)], START_NS - 10**12)
    assert seen.user(("n", "push"), "u2") == Sighting(1, START_NS, START_NS)
