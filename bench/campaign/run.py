"""The phases of the benchmark: load, decide alone, a tenth, the whole, idle urgent."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.campaign.counts import Counts, count, received, until
from bench.campaign.log import Log
from bench.campaign.machine import cpu_s, pids, rss_mb, spent
from bench.campaign.people import tag
from bench.campaign.urgent import Urgent
from ops.endpoints import Endpoints
from ops.fleet import fleet
from schemas.ids import notification_id
from schemas.records import Audience, AudienceExpanded, Notification, NotificationRequested, Priority
from schemas.topics import EXPANSIONS, PROFILE_EVENTS, REQUESTS, STATUS

Tell = Callable[[str], None]

LOAD_S = 900.0
RUN_S = 600.0
STOP_S = 30.0
WARM_UP = 40
QUIET_S, QUIET_PERCENT = 3.0, 8.0
STORES = ("carillon.cassandra", "carillon.clickhouse")
READ = (REQUESTS, STATUS, EXPANSIONS)


@dataclass(frozen=True)
class Run:
    """One campaign, from the event to the last row."""

    audience: int
    queued: int
    decide_per_s: float
    decide_s: float
    end_to_end_s: float
    counts: Counts
    rss_mb: dict[str, int]
    cpu_s: dict[str, float]


class Bench:
    """Everything one run of the benchmark needs."""

    def __init__(self, endpoints: Endpoints, sandbox_url: str, log: Log, tell: Tell) -> None:
        self.endpoints = endpoints
        self.sandbox_url = sandbox_url
        self.log = log
        self.tell = tell
        self._seed = time.time_ns()

    def load(self, users: int, sizes: tuple[int, ...]) -> float:
        """Write everybody's profile events and wait until they are folded; returns profiles/s. Workers have to start again after this."""
        began = time.time()
        step = max(1, users // 10)
        self.log.load(users, sizes, int(began * 1000), lambda n: self.tell(f"  {n:,} profiles written") if n % step < 500 else None)
        until(lambda: self.log.groups.lag("carillon.profiles", [PROFILE_EVENTS]) == 0, "profiles are folded", LOAD_S, 0.5)
        return users / (time.time() - began)

    def urgent_idle(self, users: int, count: int, rate: float) -> list[float]:
        """Latencies (ms, sorted) of urgent notifications when nothing else happens; those before them only wake everything up."""
        until(lambda: psutil.cpu_percent(QUIET_S) < QUIET_PERCENT, "the stores have merged and compacted", RUN_S)
        Urgent(self.log, users, rate, WARM_UP, self._next_seed()).run()
        urgent = Urgent(self.log, users, rate, count, self._next_seed())
        urgent.run()
        return self._arrived(urgent)

    def decide_only(self, size: int) -> float:
        """Recipients/s of expansion and decision in the decide process, by an expression of three tags, while delivery and projections are
        stopped.
        """
        with after_decision_stopped():
            since, notification = self.start(size, " and not (tag:group-1 and tag:group-2)")
            decided = _rate(self.log.expansions(since, notification, RUN_S))
        self._settle()
        return decided

    def campaign(self, size: int, urgent: Urgent | None = None) -> Run:
        """A campaign to `size` users, with urgent ones beside it."""
        before = cpu_s()
        stop = threading.Event()
        thread = threading.Thread(target=urgent.run, args=(stop,)) if urgent else None
        if thread:
            thread.start()
        began = time.time()
        since, notification = self.start(size)
        chunks = self.log.expansions(since, notification, RUN_S)
        queued = sum(sum(chunk.queued.values()) for chunk in chunks)
        until(lambda: received(self.sandbox_url, notification) >= queued, "the provider has everyone", RUN_S)
        until(lambda: self.log.groups.lag("carillon.bulk", BULK) == 0, "every status is told", RUN_S)
        marks = self.log.groups.ends(READ)  # urgent ones go on: wait for what is there now, not for an end that moves
        ended = until(lambda: sum(self.log.groups.behind(group, marks) for group in STORES) == 0, "the stores have every row", RUN_S)
        memory, after = rss_mb(), cpu_s()
        stop.set()
        if thread:
            thread.join()
        self._settle()
        counts = count(self.endpoints, self.sandbox_url, notification)
        audience = sum(chunk.users for chunk in chunks)
        return Run(audience, queued, _rate(chunks), _seconds(chunks), ended - began, counts, memory, spent(before, after))

    def urgent_beside(self, users: int, rate: float) -> Urgent:
        """Urgent notifications that go on until stopped."""
        return Urgent(self.log, users, rate, 100_000, self._next_seed())

    def latencies(self, urgent: Urgent) -> list[float]:
        """Latencies (ms, sorted) once all have arrived."""
        return self._arrived(urgent)

    def start(self, size: int, but: str = "") -> tuple[list[int], str]:
        """Ask for a campaign: where the log of its chunks began, and its id."""
        since, request = self.log.ends(EXPANSIONS), flash_sale(str(self._next_seed()), size, time.time_ns() // 1_000_000, but)
        self.log.request(request)
        self.log.flush()
        return since, request.notification.notification_id

    def _arrived(self, urgent: Urgent) -> list[float]:
        until(lambda: len(urgent.latencies_ms(self.sandbox_url)) >= len(urgent.sent_ns), "urgent ones have arrived", 60.0, 0.5)
        return urgent.latencies_ms(self.sandbox_url)

    def _lag(self) -> int:
        return sum(self.log.groups.lag(group, READ) for group in STORES)

    def _settle(self) -> None:
        until(lambda: self._lag() == 0 and self.log.groups.lag("carillon.bulk", BULK) == 0, "everything is quiet", RUN_S, 0.5)

    def _next_seed(self) -> int:
        self._seed += 1
        return self._seed


@contextmanager
def after_decision_stopped() -> Iterator[None]:
    """Delivery of campaigns and the projections are stopped for the time of the block."""
    others = [psutil.Process(pid) for name, pid in pids().items() if name.startswith(("bulk", "project"))]
    for process in others:
        process.terminate()
    psutil.wait_procs(others, timeout=STOP_S)
    try:
        yield
    finally:
        fleet.ensure_running()


BULK = ("notify.deliver.push.low", "notify.deliver.push.normal")


def flash_sale(key: str, size: int, now_ms: int, but: str = "") -> NotificationRequested:
    """A promotional campaign by push to the first `size` users; `but`: more of the expression."""
    notification = Notification(
        notification_id=notification_id("bench.campaign", key),
        event_type="sale.started",
        source="bench.campaign",
        campaign=f"bench-{size}",
        template_id="flash_sale",
        template_version=1,
        category="promotional",
        priority=Priority.LOW,
        channels=["push"],
        data={"sale": "Bench", "percent": "20"},
        occurred_at=now_ms,
        accepted_at=now_ms,
        expires_at=now_ms + 3_600_000,
    )
    return NotificationRequested(notification, Audience(expression=f"tag:{tag(size)}{but}"), key)


def _seconds(chunks: list[AudienceExpanded]) -> float:
    return max(0.001, (max(chunk.at for chunk in chunks) - min(chunk.at for chunk in chunks)) / 1000)


def _rate(chunks: list[AudienceExpanded]) -> float:
    """Users decided per second, from the first chunk's decision to the last's (the first chunks' own users are left out)."""
    first = sum(chunk.users for chunk in chunks if chunk.chunk == 0)
    return round((sum(chunk.users for chunk in chunks) - first) / _seconds(chunks))
