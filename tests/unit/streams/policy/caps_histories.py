"""Generated histories of caps: users of a bucket are told, told on several channels, not told after all, over days, with kills in between.

The oracle keeps everything that ever happened and counts it anew for each decision.
"""

from dataclasses import dataclass, field

import msgspec
from hypothesis import strategies as st

from schemas.records import Priority
from streams.policy.caps import Counters, is_given_back
from streams.policy.decision import Case, decide
from streams.policy.loader import load_policy
from streams.policy.rules import SEND
from tests.generated import numbers, play_all
from tests.unit.streams.make import NOW, notification, profile

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
USERS = ("ann", "bob", "z\0", "ü")
CHANNELS = ("push", "email")
CAPS = (0, 1, 2, 100, 100, 100, 100, 100)
ENDS = ("sent", "unknown", "failed", "suppressed", "expired", "cancelled", "shed")
TOLD = ("sent", "unknown")
_SHIPPED = load_policy()
AN_HOUR, A_DAY, OF_CATEGORY = 2, 4, {"transactional": 5, "engagement": 3, "promotional": 2}
POLICY = msgspec.structs.replace(
    _SHIPPED,
    an_hour=AN_HOUR,
    a_day=A_DAY,
    categories={
        name: msgspec.structs.replace(_SHIPPED.categories[name], a_day=limit, quiet_hours=False) for name, limit in OF_CATEGORY.items()
    },
)
ABOUT = {
    (category, priority): notification(category=category, priority=priority, channels=list(CHANNELS))
    for category in OF_CATEGORY
    for priority in (Priority.NORMAL, Priority.CRITICAL)
}


@dataclass(frozen=True)
class Event:
    """After `wait_ms`: somebody is to be told; or (`end`) a channel of what somebody was told ended like that. Maybe a kill first."""

    wait_ms: int
    user: str
    category: str
    priority: Priority
    cap: int
    end: str
    which: int
    killed: bool


@dataclass
class Told:
    """The oracle: one notification that counted for a user, and how its channels ended."""

    user: str
    category: str
    at: int
    ends: dict[str, str] = field(default_factory=dict)

    @property
    def is_void(self) -> bool:
        """Every channel ended, and none of them with somebody who was, or may have been, told."""
        return set(self.ends) == set(CHANNELS) and not any(end in TOLD for end in self.ends.values())


_WAITS = (0, 0, 0, 1, 1, 10 * 60_000, HOUR_MS // 2, HOUR_MS, 2 * HOUR_MS, 5 * HOUR_MS, DAY_MS)
_SIZES = (len(_WAITS), 8, 4, len(CAPS), len(USERS), len(OF_CATEGORY), 4, 2 * len(ENDS), 8)


def _event(bits: int) -> Event:
    parts = []
    for size in _SIZES:
        bits, part = divmod(bits, size)
        parts.append(part)
    wait, killed, other, cap, user, category, critical, end, which = parts
    priority = Priority.CRITICAL if critical == 3 else Priority.NORMAL
    ended = ENDS[end] if end < len(ENDS) else ""
    user = user if other == 0 else 0
    return Event(_WAITS[wait], USERS[user], tuple(OF_CATEGORY)[category], priority, CAPS[cap], ended, which, killed == 1)


histories = st.lists(numbers.map(_event), min_size=8, max_size=24)


def reason(told: list[Told], event: Event, now: int) -> str:
    """The oracle: the limit that is reached, counted from everything that ever counted."""
    if event.priority == Priority.CRITICAL:
        return SEND
    mine = [each for each in told if each.user == event.user and not each.is_void]
    hour = sum(each.at // HOUR_MS == now // HOUR_MS for each in mine)
    today = [each for each in mine if each.at // DAY_MS == now // DAY_MS]
    of_category = sum(each.category == event.category for each in today)
    bound = event.category != "transactional"
    if bound and hour >= AN_HOUR:
        return "hourly_limit"
    if bound and len(today) >= A_DAY:
        return "daily_limit"
    if of_category >= OF_CATEGORY[event.category]:
        return "category_limit"
    return "frequency_cap" if bound and hour >= event.cap else SEND


def play(history: list[Event]) -> None:
    """Raises AssertionError at the first difference."""
    packed: bytes | None = None
    now, told = NOW, list[Told]()
    for event in history:
        now += event.wait_ms
        open_ends = [each for each in told if len(each.ends) < len(CHANNELS)]
        if event.killed:  # before anything was written: it comes again
            _decided(event, Counters(packed, now), now)
        counters = Counters(packed, now)
        if not event.end:
            expected = reason(told, event, now)
            assert _decided(event, counters, now) == expected
            if expected == SEND and event.priority != Priority.CRITICAL:
                told.append(Told(event.user, event.category, now))
        elif open_ends:
            _end(open_ends[event.which % len(open_ends)], event.end, counters)
        packed = counters.pack()


def _decided(event: Event, counters: Counters, now: int) -> str:
    about = ABOUT[event.category, event.priority]
    who = profile(event.user, channels=list(CHANNELS), frequency_cap=event.cap)
    reasons, until, *_ = decide(event.user, who, Case(about, about.channels, POLICY.of(about), POLICY, "", now), counters)
    assert until is None
    assert len(set(reasons)) == 1
    return reasons[0]


def _end(told: Told, end: str, counters: Counters) -> None:
    told.ends[next(channel for channel in CHANNELS if channel not in told.ends)] = end
    assert is_given_back([told.ends.get(channel, "queued") for channel in CHANNELS]) == told.is_void
    if told.is_void:
        counters.give_back(told.user, told.category, told.at)


def run(number: int, *, derandomize: bool) -> int:
    """Play that many."""
    return play_all(histories, play, number, derandomize=derandomize)
