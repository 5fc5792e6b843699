"""One run of a plan: people, one campaign after another with singles and changes of mind beside them, strikes and a fault, then quiet.

A new campaign begins when the one before is 60 % done, for as long as there is something left to strike with: whatever breaks, breaks work.
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict

from confluent_kafka import KafkaException

from schemas.topics import PROFILES, STATUS
from tests.faults.faults import AHEAD_MS, WHOLE_S, Fault
from tests.faults.judge import judge
from tests.faults.outbox import ROWS, Outbox
from tests.faults.plan import STORES, Plan, Report
from tests.faults.stage import Stage, keep_logs, staged
from tests.faults.strikes import Striker

START_S, USERS_A_SECOND = 180.0, 2000
"""How long people may take to be there, and how many more of them a second at least."""
SINGLES_S, MOST_SINGLES = 0.03, 100
"""How often singles may be written, also when reading the log takes longer; how many at once at most."""
BURST, BURSTS, FAMOUS = 20, 0.1, 100
"""Likes at once, in what share of the rounds, and whom they are about."""
JOIN, BEGIN, NEXT = 0.2, 0.05, 0.6
"""Shares of a campaign: when further workers join, when the fault begins, when the next campaign does."""


def run(plan: Plan) -> Report:
    """Play the plan on a stack of its own."""
    with staged(plan) as stage:
        return Play(stage).play()


class Play:
    """One run."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._plan = stage, stage.plan
        self._random = random.Random(stage.plan.seed)
        self._report = Report(asdict(stage.plan))
        self._fault = Fault(stage, self._report)
        self._seen = self._reached = 0
        self._likes = stage.plan.likes
        self._began = 0.0
        self._singles_at = time.monotonic()
        self._before = 0
        """Statuses that were there when the latest campaign began."""

    def play(self) -> Report:
        """Everything, from the first profile to the verdict."""
        self._prepare()
        self._campaigns()
        self._settle()
        for look in self._stage.at_end:
            look()
        self._report.fault |= {"phases": self._stage.phases} if self._stage.phases else {}
        workers = self._stage.workers
        self._report.deaths = [asdict(death) for death in workers.deaths]
        self._report.exit_codes = workers.stop()
        self._stage.view.read_to_end()
        judge(self._stage, self._report)
        if not self._report.holds or workers.deaths:
            keep_logs(self._stage)
        return self._report

    def _prepare(self) -> None:
        load, entries = self._stage.load, self._stage.view.entries
        self._stage.workers.start(self._plan.everyone)
        load.people()
        load.flush()
        self._until(lambda: len(entries[PROFILES]) >= self._plan.users, START_S + self._patience_s, "profiles")
        load.order()
        load.login()
        load.flush()
        self._until(lambda: self._statuses() >= 4, START_S + self._patience_s, "the first statuses")
        if self._plan.projects:
            self._until(lambda: all(map(self._follows, STORES)), START_S, "the projections")
        if self._stage.outbox:
            self._stage.outbox.begin()
            self._sell(self._stage.outbox)

    @property
    def _patience_s(self) -> float:
        return self._plan.users / USERS_A_SECOND

    def _follows(self, store: str) -> bool:
        return self._stage.workers.ready(store) and not self._stage.meter.lag(store)

    def _sell(self, outbox: Outbox) -> None:
        enough = outbox.sold + ROWS
        self._until(lambda: outbox.sold >= enough, START_S, "orders")

    def _campaigns(self) -> None:
        striker = Striker(self._plan, self._stage.workers, self._stage.meter, self._report)
        late = [f"{role}-{number}" for role in self._plan.roles for number in range(2, self._plan.workers + 1)]
        self._begin()
        began = time.monotonic()
        fault_s = WHOLE_S + self._plan.fault_s + self._plan.after_s
        deadline = began + self._plan.settle_s + self._patience_s + fault_s + 20.0 * self._plan.kills
        while not (striker.done and self._fault.over and not late and not self._likes):
            if self._plan.strike_s and time.monotonic() > began + self._plan.strike_s:
                striker.stop()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not struck out in time; deaths: {self._stage.workers.deaths[-3:]}")
            self._once_round()
            if late and (self._report.campaigns > 1 or self._progress() >= JOIN):
                self._stage.workers.start(late)
                late = []
            striker.tick()
            self._fault.tick(begin=self._report.campaigns > 1 or self._progress() >= BEGIN)
            if self._progress() >= NEXT and time.monotonic() >= self._began + self._plan.campaign_s:
                self._begin()

    def _begin(self) -> None:
        self._before, self._began = self._statuses(), time.monotonic()
        self._stage.load.campaign()
        self._report.campaigns += 1

    def _once_round(self) -> None:
        self._stage.workers.supervise()
        self._stage.view.poll(0.02)
        self._stage.meter.tick()
        now = time.monotonic()
        due, self._singles_at = min(MOST_SINGLES, int((now - self._singles_at) / SINGLES_S)), now
        load = self._stage.load
        for _ in range(min(BURST, self._likes) if self._random.random() < BURSTS else 0):
            load.like(FAMOUS)
            self._likes -= 1
        for _ in range(max(1, due)):
            for work in (load.order, load.login, load.reminder, load.like, load.change_of_mind):
                if self._random.random() < 0.3:
                    work()

    def _progress(self) -> float:
        """Share of the latest campaign that has a status, as if all new statuses were its own."""
        return (self._statuses() - self._before) / (3 * self._plan.users)

    def _statuses(self) -> int:
        entries = self._stage.view.entries[STATUS]
        self._reached += sum(len(entry.record.users) for entry in entries[self._seen :] if entry.record)  # type: ignore[attr-defined]
        self._seen = len(entries)
        return self._reached

    def _settle(self) -> None:
        """Until nothing is left to read for any worker, none is still starting, and every row of the outbox has a request."""
        self._stage.load.flush()
        if self._plan.fault == "clock_ahead":  # windows that began by that clock end by it too: two hours from now, by the right one
            self._stage.workers.clock.write_text(str(AHEAD_MS))
        if self._stage.outbox:
            self._sell(self._stage.outbox)
            self._stage.outbox.stop(self._stage.load.asked)
        deadline, least = time.monotonic() + self._plan.settle_s, math.inf
        self._report.lag = {"unknown": 1}
        while any(self._report.lag.values()) and time.monotonic() < deadline:
            self._stage.workers.supervise()
            self._stage.view.poll(0.5)
            self._stage.meter.tick()
            try:
                self._report.lag = self._stage.unasked() | self._stage.meter.lags() | self._stage.workers.starting()
            except KafkaException:
                continue
            if sum(self._report.lag.values()) < least:
                deadline, least = time.monotonic() + self._plan.settle_s, sum(self._report.lag.values())

    def _until(self, reached: Callable[[], bool], within_s: float, what: str) -> None:
        deadline = time.monotonic() + within_s
        while not reached():
            self._stage.workers.supervise()
            self._stage.view.poll(0.1)
            if time.monotonic() > deadline:
                there = {topic: len(entries) for topic, entries in self._stage.view.entries.items() if entries}
                said = f"lag {self._stage.meter.lags()}, read {there}, deaths {self._stage.workers.deaths}"
                raise TimeoutError(f"{what}: not within {within_s:.0f} s; {said}")
