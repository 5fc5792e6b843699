"""What a run shall be, and what is noted of it."""

from dataclasses import dataclass, field
from typing import Any

from schemas.topics import DLQ, EXPANSIONS, FANOUT, FANOUT_URGENT, FANOUTS, PROFILE_EVENTS, PROFILES, REQUESTS, STATUS, TIMERS, events_topic
from streams.settings import WorkerSettings
from tests.faults.oracle import DELIVER, LEDGERS

ROLES = ("profiles", "plan", "decide", "decide_urgent", "urgent", "bulk", "timers")
EVENTS = tuple(events_topic(aggregate) for aggregate in WorkerSettings().aggregates)
READS: dict[str, tuple[str, ...]] = {
    "profiles": (PROFILE_EVENTS,),
    "timers": (TIMERS,),
    "plan": (*EVENTS, REQUESTS),
    "decide": (FANOUT,),
    "decide_urgent": (FANOUT_URGENT,),
    "urgent": tuple(topic for topic in DELIVER if topic.endswith((".critical", ".high"))),
    "bulk": tuple(topic for topic in DELIVER if topic.endswith((".normal", ".low"))),
}
STORES = ("cassandra", "clickhouse")
READS |= dict.fromkeys(STORES, (REQUESTS, EXPANSIONS, STATUS))
"""In the order of the work: who has nothing left has given all of it to those after it."""
UPSTREAM = ("connect", "postgres")
"""Parts that events of the outbox come through; the faults that break them are named after them."""
TOPICS = (REQUESTS, *FANOUTS, EXPANSIONS, STATUS, PROFILE_EVENTS, PROFILES, DLQ, *DELIVER, *LEDGERS)


@dataclass(frozen=True)
class Plan:
    """One run. `latency_ms` of the provider; `chunk` users a decision; `settle_s`: how long what is left may stay the same in the end."""

    users: int
    kills: int
    seed: int
    roles: tuple[str, ...] = ROLES
    chunk: int = 50
    batch: int = 100
    push: str = "sandbox_batch"
    latency_ms: int = 100
    settle_s: float = 180.0
    how: str = "kill"
    workers: int = 1
    """Of each role that may be struck; those from the second on join when a fifth of the campaign is done."""
    fault: str = ""
    """A name of `tests.faults.faults.FAULTS`; it begins when a twentieth of the campaign is done."""
    fault_s: float = 20.0
    campaign_s: float = 0.0
    """Between the beginnings of two campaigns at least; 0: the next begins when most of the one before is done, so there is never quiet."""
    pace_s: float = 1.2
    """Between strikes, on average."""
    strike_s: float = 0.0
    """No strike after so long, whatever is left of `kills`; 0: no limit."""
    after_s: float = 5.0
    """Campaigns and singles go on for so long after the fault."""
    give_way: bool = False
    """Campaigns let the urgent go first, as they do by default; where other programs keep the machine busy they would starve."""
    likes: int = 0
    """So many beside the others, in bursts of `BURST`, to 100 people: what comes in digests."""
    stores: bool = False
    """Both projections run too, and their stores must be equal to the log in the end."""

    per_s: int = 0
    """What push takes a second: then it has a provider of its own, which alone breaks. 0: no limit, and one provider for all channels."""
    scale: float = 1.0
    """By how much shorter than policy has it is how long what could not be sent is tried again, and when it expires."""

    @property
    def projects(self) -> bool:
        """Whether projections run."""
        return self.stores or self.fault == "cassandra"

    @property
    def sells(self) -> bool:
        """Whether events come through the outbox too."""
        return self.fault in UPSTREAM

    @property
    def everyone(self) -> tuple[str, ...]:
        """Every role that runs."""
        return (*ROLES, *STORES) if self.projects else ROLES

    @property
    def parts(self) -> tuple[str, ...]:
        """What is needed of the stack."""
        return ("kafka", "registry", *(("cassandra",) if self.projects else ()), *(UPSTREAM if self.sells else ()))


@dataclass
class Report:
    """What happened; `verdict` says whether it was right."""

    plan: dict[str, Any]
    kills: list[dict[str, Any]] = field(default_factory=list)
    fault: dict[str, Any] = field(default_factory=dict)
    deaths: list[dict[str, Any]] = field(default_factory=list)
    exit_codes: dict[str, int] = field(default_factory=dict)
    campaigns: int = 0
    campaign_s: float = 0.0
    urgent_ms: dict[str, Any] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=dict)
    dead_letters: list[str] = field(default_factory=list)
    lag: dict[str, int] = field(default_factory=dict)
    verdict: dict[str, Any] = field(default_factory=dict)
    profiles_late: list[str] = field(default_factory=list)
    audit_violations: int | None = None
    audit_examples: list[str] = field(default_factory=list)
    memory_mb: int = 0
    """The most that this process, with the oracle, has had."""
    line: dict[str, Any] = field(default_factory=dict)
    holds: bool = False
