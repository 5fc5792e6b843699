"""When a worker is stuck: what was seen goes in, a verdict comes out. Times are seconds of one clock that never goes back.

No answer from the broker is no reason to die, as a new process would get none either: then everything is forgiven and counts anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True)
class Limits:
    """`stuck_s`: work, but no commit and no sign of life. `patience_s`: signs of life, but no commit. `recovery_s`: partitions that do not
    recover. `detached_s`: broker and worker do not agree on who has which partition. `gap_s`: a look this late forgives (it was suspended).
    """

    stuck_s: float = 60.0
    patience_s: float = 1800.0
    recovery_s: float = 600.0
    detached_s: float = 120.0
    gap_s: float = 30.0


@dataclass(frozen=True)
class Held:
    """A partition this process works on: batches begun, and when a wait inside a batch last gave a sign of life."""

    recovered: bool
    batches: int = 0
    signed_at: float = 0.0


@dataclass(frozen=True)
class Offsets:
    """Where the group has committed to and where the partition ends; there is work when they differ."""

    committed: int
    end: int


@dataclass(frozen=True)
class Group:
    """What the broker thinks: whether this worker is a member, which partitions are its, and which are nobody's."""

    member: bool
    mine: frozenset[Place] = frozenset()
    orphans: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Seen:
    """One look at everything."""

    held: Mapping[Place, Held]
    offsets: Mapping[Place, Offsets]
    group: Group


@dataclass(frozen=True)
class Mark:
    """When a partition last moved, and how it was then."""

    committed: int
    recovered: bool
    batches: int
    at: float


@dataclass
class State:
    """What is remembered between two looks. `void`: ends before which the log has nothing, though the commit is not there."""

    marks: dict[Place, Mark] = field(default_factory=dict)
    void: dict[Place, int] = field(default_factory=dict)
    detached_since: float | None = None
    looked_at: float | None = None


@dataclass(frozen=True)
class Verdict:
    """Why the process should end. With a `place` the log must have a record there at or after `offset`, or there is nothing to do."""

    reason: str
    place: Place | None = None
    offset: int = 0


def forgive(state: State, now: float) -> None:
    """Count anew from here."""
    state.marks.clear()
    state.detached_since, state.looked_at = None, now


def judge(state: State, seen: Seen, now: float, limits: Limits) -> Verdict | None:
    """Note what was seen; None while all is well."""
    if state.looked_at is not None and now - state.looked_at > limits.gap_s:
        forgive(state, now)
    state.looked_at = now
    state.marks = {place: _mark(state, place, held, seen.offsets[place], now) for place, held in seen.held.items()}
    found = (_stuck(place, state.marks[place], held, seen.offsets[place], now, limits) for place, held in seen.held.items())
    return next(filter(None, found), None) or _astray(state, seen, now, limits)


def clear(state: State, place: Place, end: int) -> None:
    """The log was asked: before `end` there is nothing to work on (compaction, retention, transaction markers)."""
    state.void[place] = end
    state.marks.pop(place, None)


def _mark(state: State, place: Place, held: Held, offsets: Offsets, now: float) -> Mark:
    old = state.marks.get(place)
    idle = offsets.committed >= offsets.end or state.void.get(place) == offsets.end
    same = old is not None and old.committed == offsets.committed and old.recovered == held.recovered
    if old is None or not same or (held.recovered and idle):
        return Mark(offsets.committed, held.recovered, held.batches, now)
    return old


def _stuck(place: Place, mark: Mark, held: Held, offsets: Offsets, now: float, limits: Limits) -> Verdict | None:
    age, name = now - mark.at, f"{place[0]}/{place[1]}"
    where = f"committed offset {offsets.committed}, end {offsets.end}"
    if not held.recovered:
        return Verdict(f"{name} has not recovered for {age:.0f} s ({where})") if age > limits.recovery_s else None
    # a batch that is through would have been committed: signs of a later one say nothing about the commit
    signed = held.batches <= mark.batches + 1 and now - held.signed_at <= limits.stuck_s
    if age > (limits.patience_s if signed else limits.stuck_s):
        return Verdict(f"{name} has not moved for {age:.0f} s while there is work ({where})", place, offsets.committed)
    return None


def _astray(state: State, seen: Seen, now: float, limits: Limits) -> Verdict | None:
    why = detached(frozenset(seen.held), seen.group)
    state.detached_since = None if why is None else now if state.detached_since is None else state.detached_since
    if why is None or state.detached_since is None or now - state.detached_since <= limits.detached_s:
        return None
    return Verdict(f"{why}, for {now - state.detached_since:.0f} s")


def detached(held: frozenset[Place], group: Group) -> str | None:
    """Why what the worker has is not what the broker thinks it has; None when they agree."""
    if not group.member:
        return "the consumer group does not know this worker"
    if missing := group.mine - held:
        return f"the broker gave this worker {_named(missing)}, and it does not work on them"
    if not held and group.orphans:
        return f"this worker has no partitions, and nobody has {_named(group.orphans)}"
    return None


def _named(places: frozenset[Place]) -> str:
    first = ", ".join(f"{topic}/{partition}" for topic, partition in sorted(places)[:3])
    return first if len(places) <= 3 else f"{first} and {len(places) - 3} more"
