"""What the supervisor does about a member: what was seen goes in, an action comes out. Times: seconds of a clock that never goes back."""

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True)
class Policy:
    """A start waits `first_s` after the first death in `within_s`, twice as long after each further one, `cap_s` at most; half of it is
    jitter. With `deaths` of them in that time it is given up. So many `sick_checks` in a row, and it is killed; a member that does not
    even say where it can be asked has `silent_s` before that counts.
    """

    first_s: float = 1.0
    cap_s: float = 30.0
    deaths: int = 5
    within_s: float = 120.0
    sick_checks: int = 5
    silent_s: float = 90.0


@dataclass(frozen=True)
class Sight:
    """`pid` None: it does not run; `recorded`: nobody stopped it on purpose. `asked`: whether it was asked how it is, and `healthy` what
    it said, None when there was no place to ask. `served`: what it needs (Kafka, ...) answers.
    """

    pid: int | None
    recorded: bool = True
    asked: bool = False
    healthy: bool | None = None
    served: bool = True


@dataclass
class Care:
    """What is remembered of a member. `due`: when it may start again; `restarts`: how often it was started again."""

    pid: int | None = None
    since: float = 0.0
    sick: int = 0
    deaths: list[float] = field(default_factory=list)
    due: float | None = None
    restarts: int = 0
    gave_up: bool = False


class Action(Enum):
    """What to do now."""

    NOTHING = "nothing"
    START = "start"
    KILL = "kill"
    GIVE_UP = "give up"


def decide(care: Care, sight: Sight, now: float, draw: float, policy: Policy) -> Action:
    """Note what was seen, and say what to do. `draw`: a random number from 0 to 1 for the jitter."""
    if sight.pid is not None:
        return _living(care, sight, sight.pid, now, policy)
    care.pid, care.sick = None, 0
    if not sight.recorded:
        care.due, care.gave_up = None, False
        return Action.NOTHING
    return _dead(care, sight, now, draw, policy)


def started(care: Care) -> None:
    """It was started again."""
    care.due = None
    care.restarts += 1


def backoff_s(deaths: int, draw: float, policy: Policy) -> float:
    """Seconds to wait after so many deaths in a row (at least one)."""
    longest = min(policy.cap_s, policy.first_s * 2.0 ** (deaths - 1))
    return longest * (0.5 + draw / 2)


def _living(care: Care, sight: Sight, pid: int, now: float, policy: Policy) -> Action:
    if pid != care.pid:
        if care.gave_up:  # somebody started it all the same: it has its chances again
            care.deaths.clear()
        care.pid, care.since, care.sick, care.due, care.gave_up = pid, now, 0, None, False
    if sight.asked:
        silent = sight.healthy is None and now - care.since > policy.silent_s
        care.sick = care.sick + 1 if sight.healthy is False or silent else 0
    if care.sick < policy.sick_checks:
        return Action.NOTHING
    care.sick = 0
    return Action.KILL


def _dead(care: Care, sight: Sight, now: float, draw: float, policy: Policy) -> Action:
    if care.gave_up:
        return Action.NOTHING
    if care.due is None:
        care.deaths = [at for at in care.deaths if now - at < policy.within_s]
        if sight.served:  # while Kafka is away nobody can live: that is no crash loop
            care.deaths.append(now)
        if len(care.deaths) >= policy.deaths:
            care.gave_up = True
            return Action.GIVE_UP
        care.due = now + backoff_s(max(1, len(care.deaths)), draw, policy)
    return Action.START if now >= care.due and sight.served else Action.NOTHING
