"""Whether what matters least is left out, because it would come too late. Pure.

Only low priority, and only of categories for which policy says how late is too late (`shed_over`, promotional); never what is critical, nor
who was queued before and is tried again: in an outage nothing goes, and they would all seem too late, while what ends them is expiry. It
begins when a record that arrives now would be later than that, and has been for a minute, as a lane that is restarted seems to go slowly;
and ends when it would be less than two thirds as late: between the two it stays as it was. Where nothing moves nobody knows how late it is,
until that has taken longer than policy allows.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from schemas.records import Notification, Priority
from streams.policy.policy import CategoryPolicy

PATIENCE_MS = 60_000
"""For so long a lane has to seem too late, or for as long as policy allows where that is less: a restart takes some of it."""


class Load(NamedTuple):
    """So much waits in front of a lane, and so much of it was done in the last so many ms in which something did.

    `still_ms`: for so long nothing was done, though something waited.
    """

    waiting: int
    done: int
    during_ms: int
    still_ms: int = 0


class Lag(NamedTuple):
    """Offsets of a lane: what was done up to now, and where it ends; added up over its partitions."""

    done: int
    end: int


def load_of(looks: Sequence[tuple[int, Lag]]) -> Load:
    """The load, from looks at a lane, one or more: when (epoch ms), and what was seen. While nothing waited it says nothing of the rate."""
    busy = [(then - at, lag.done - before.done) for (at, before), (then, lag) in pairwise(looks) if before.end > before.done]
    last = looks[-1][1]
    return Load(last.end - last.done, sum(done for _, done in busy), sum(ms for ms, _ in busy))


def late_ms(load: Load) -> int | None:
    """How late a record is that arrives now, at the rate of late; None: nothing moves, nobody knows."""
    if load.waiting <= 0:
        return 0
    return None if load.done <= 0 else load.waiting * load.during_ms // load.done


def stands(before: Lag, lag: Lag) -> bool:
    """Whether nothing was done between two looks, though something waited."""
    return lag.done == before.done < before.end


def is_too_late(was: bool, load: Load, over_ms: int) -> bool:
    """Whether what arrives now would come too late, when it `was` so before."""
    late = late_ms(load)
    if late is None:
        return was or load.still_ms > over_ms
    return late * 3 >= over_ms * 2 if was else late > over_ms


def sheds(was: bool, too_late_ms: int, over_ms: int) -> bool:
    """Whether to shed what has seemed too late for so long, when it `was` so before."""
    return was or too_late_ms >= min(over_ms, PATIENCE_MS)


def is_shed(notification: Notification, binds: CategoryPolicy, shedding: bool) -> bool:
    """Whether a notification is left out while its category is shed."""
    return shedding and binds.shed_over_ms is not None and notification.priority == Priority.LOW
