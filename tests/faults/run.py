"""python -m tests.faults.run --users 100000 --kills 10 --seed S: a campaign whose workers are killed at random, judged from the log.

Kills come at random points of the campaign's progress, so that they are in the middle of it however fast the machine is.
Writes tests/faults/results/<seed>.json; the exit code says whether everything held.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ops.endpoints import Endpoints
from providers.sandbox_server.process import running
from schemas.topics import DLQ, EXPANSIONS, FANOUT, FANOUT_URGENT, FANOUTS, PROFILE_EVENTS, PROFILES, REQUESTS, STATUS, events_topic
from streams.settings import WorkerSettings
from tests.faults.load import Load
from tests.faults.log import LogView, lag
from tests.faults.oracle import DELIVER, LEDGERS, Oracle, SandboxSays, Verdict
from tests.faults.profiles import judge_profiles
from tests.faults.stack import fresh_stack
from tests.faults.workers import SESSION_S, Workers

RESULTS = Path(__file__).parent / "results"
ROLES = ("profiles", "plan", "decide", "decide_urgent", "urgent", "bulk")
EVENTS = tuple(events_topic(aggregate) for aggregate in WorkerSettings().aggregates)
READS = {
    "profiles": (PROFILE_EVENTS,),
    "plan": (*EVENTS, REQUESTS),
    "decide": (FANOUT,),
    "decide_urgent": (FANOUT_URGENT,),
    "urgent": tuple(topic for topic in DELIVER if topic.endswith((".critical", ".high"))),
    "bulk": tuple(topic for topic in DELIVER if topic.endswith((".normal", ".low"))),
}
TOPICS = (REQUESTS, *FANOUTS, EXPANSIONS, STATUS, PROFILE_EVENTS, PROFILES, DLQ, *DELIVER, *LEDGERS)
JOIN = 0.2
PROVIDERS = """
channels:
  push: [{{kind: {push}, name: sandbox-push, options: {{base_url: "${{SANDBOX_URL}}"}}}}]
  email: [{{kind: sandbox_batch, name: sandbox-email, options: {{base_url: "${{SANDBOX_URL}}", batch_size: {batch}}}}}]
  in_app: [{{kind: inbox}}]
"""


@dataclass(frozen=True)
class Plan:
    """One run. `latency_ms` of the provider; `chunk` users a decision; `settle_s`: how long all may take after the last kill."""

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
    """Of each role that may be killed; those from the second on join when a fifth of the campaign is done."""


@dataclass
class Report:
    """What happened; `verdict` says whether it was right."""

    plan: dict[str, Any]
    kills: list[dict[str, Any]] = field(default_factory=list)
    deaths: list[dict[str, Any]] = field(default_factory=list)
    exit_codes: dict[str, int] = field(default_factory=dict)
    campaign_s: float = 0.0
    dead_letters: list[str] = field(default_factory=list)
    lag: dict[str, int] = field(default_factory=dict)
    verdict: dict[str, Any] = field(default_factory=dict)
    holds: bool = False


def run(plan: Plan) -> Report:
    """Play the plan on a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="carillon-faults-") as folder, _parts(plan, Path(folder)) as parts:
        return Play(plan, *parts).play()


@contextmanager
def _parts(plan: Plan, folder: Path) -> Iterator[tuple[Endpoints, Workers, str]]:
    with fresh_stack(folder / "stack") as endpoints, running() as sandbox:
        settings = {"latency_ms": plan.latency_ms, "jitter_ms": plan.latency_ms // 2, "reject_rate": 0.01}
        httpx.put(f"{sandbox.base_url}/v1/settings", json={"*": settings}).raise_for_status()
        providers = folder / "providers.yaml"
        providers.write_text(PROVIDERS.format(push=plan.push, batch=plan.batch))
        variables = {"CARILLON_SANDBOX_URL": sandbox.base_url, "CARILLON_PROVIDERS_FILE": str(providers), "CARILLON_CHUNK": str(plan.chunk)}
        if plan.how == "stall":
            variables |= {"CARILLON_SESSION_TIMEOUT": str(SESSION_S), "CARILLON_HEARTBEAT": "1"}
        workers = Workers(endpoints, folder / "workers", variables)
        try:
            yield endpoints, workers, sandbox.base_url
        except BaseException:
            keep_logs(folder / "workers", plan.seed)
            raise
        finally:
            workers.stop()


class Play:
    """One run of a plan."""

    def __init__(self, plan: Plan, endpoints: Endpoints, workers: Workers, sandbox: str) -> None:
        self._plan = plan
        self._endpoints = endpoints
        self._workers = workers
        self._sandbox = sandbox
        self._random = random.Random(plan.seed)
        self._load = Load(endpoints, plan.users, plan.seed)
        self._view = LogView(endpoints, TOPICS)
        self._report = Report(asdict(plan))
        self._event = ""

    def play(self) -> Report:
        """Everything, from the first profile to the verdict."""
        with closing(self._view), closing(self._load):
            self._prepare()
            self._campaign()
            self._settle()
            self._report.deaths = [asdict(death) for death in self._workers.deaths]
            self._report.exit_codes = self._workers.stop()
            self._view.read_to_end()
            self._judge()
        if not self._report.holds or self._workers.deaths:
            keep_logs(self._workers.home, self._plan.seed)
        return self._report

    def _prepare(self) -> None:
        self._workers.start(ROLES)
        self._load.people()
        self._load.flush()
        self._until(lambda: len(self._view.entries[PROFILES]) >= self._plan.users, 120.0, "profiles")
        warm = [self._load.order(), self._load.login()]
        self._load.flush()
        self._until(lambda: self._statuses() >= 2 * len(warm), 60.0, "the first statuses")

    def _campaign(self) -> None:
        """Kill at random points of the progress, while single notifications and changes of mind go on."""
        kills = self._draw()
        late = [f"{role}-{number}" for role in self._plan.roles for number in range(2, self._plan.workers + 1)]
        self._event = self._load.campaign()
        deadline = time.monotonic() + self._plan.settle_s + 20.0 * len(kills)
        while (kills or late) and time.monotonic() < deadline:
            self._once_round()
            if late and self._progress("bulk") >= JOIN:
                self._workers.start(late)
                late = []
            due = next((kill for kill in kills if self._progress(kill[0]) >= kill[1]), None)
            if due:
                kills.remove(due)
                self._strike(*due)

    def _draw(self) -> list[tuple[str, float]]:
        """(role, share of the campaign's progress) of each kill, in order."""
        kills = [(self._random.choice(self._plan.roles), self._random.uniform(0.01, 0.95)) for _ in range(self._plan.kills)]
        return sorted(kills, key=lambda kill: kill[1])

    def _strike(self, role: str, share: float) -> None:
        number = self._random.randint(1, self._plan.workers) if self._progress("bulk") >= JOIN else 1
        name = role if number == 1 else f"{role}-{number}"
        what = {"role": name, "planned": round(share, 3), "decided": self._progress("decide"), "done": self._progress("bulk")}
        getattr(self._workers, self._plan.how)(name)
        self._report.kills.append(what)

    def _once_round(self) -> None:
        self._workers.supervise()
        self._view.poll(0.02)
        for work in (self._load.order, self._load.login, self._load.change_of_mind):
            if self._random.random() < 0.3:
                work()

    def _progress(self, role: str) -> float:
        """Share of the campaign that was decided, or (any other role) has a status."""
        if role == "decide":
            decided = sum(entry.record.users for entry in self._view.entries[EXPANSIONS] if entry.record)  # type: ignore[attr-defined]
            return round(decided / self._plan.users, 3)
        return round(self._statuses() / (3 * self._plan.users), 3)

    def _statuses(self) -> int:
        return sum(len(entry.record.users) for entry in self._view.entries[STATUS] if entry.record)  # type: ignore[attr-defined]

    def _settle(self) -> None:
        """Until nothing is left to read for any worker."""
        self._load.flush()
        deadline = time.monotonic() + self._plan.settle_s
        while time.monotonic() < deadline:
            self._workers.supervise()
            self._view.poll(0.5)
            self._report.lag = {role: lag(self._endpoints, f"carillon.{role}", topics) for role, topics in READS.items()}
            if not any(self._report.lag.values()):
                return

    def _until(self, reached: Any, within_s: float, what: str) -> None:
        deadline = time.monotonic() + within_s
        while not reached():
            self._workers.supervise()
            self._view.poll(0.1)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {within_s:.0f} s; deaths: {self._workers.deaths}")

    def _judge(self) -> None:
        verdict: Verdict = Oracle(self._view.entries, self._load.asked).judge(self._ask_sandbox())
        judge_profiles(self._view.entries, verdict)
        self._report.dead_letters = [str(entry.record)[:400] for entry in self._view.entries[DLQ][:10]]
        for letter in self._view.entries[DLQ]:
            verdict.blame("dead letters", letter.record)
        if any(self._report.lag.values()):
            verdict.blame("not drained", self._report.lag)
        self._report.campaign_s = self._campaign_s()
        self._report.verdict, self._report.holds = verdict.report(), verdict.holds

    def _campaign_s(self) -> float:
        """From the campaign's request to its last status, by the log's clock."""
        (first, nid), *_ = [
            (e.timestamp, e.key) for e in self._view.entries[REQUESTS] if getattr(e.record, "idempotency_key", "") == self._event
        ]
        last = max((entry.timestamp for entry in self._view.entries[STATUS] if entry.key == nid), default=first)
        return round((last - first) / 1000, 1)

    def _ask_sandbox(self) -> SandboxSays:
        with httpx.Client(base_url=self._sandbox, timeout=30) as client:
            total = client.get("/v1/stats").json()
            twice = client.get("/v1/duplicates", params={"limit": 10_000}).json()
            reached = {}
            for notification in {entry.record.notification.notification_id for entry in self._view.entries[REQUESTS] if entry.record}:  # type: ignore[attr-defined]
                for channel, tally in client.get(f"/v1/received/{notification}").json()["channels"].items():
                    reached[notification, channel] = tally["distinct"]
        duplicates = {(each["notification_id"], each["channel"], each["user_id"]) for each in twice}
        return SandboxSays(total["received"], reached, duplicates)


def keep_logs(home: Path, seed: int) -> None:
    """What the workers said, for whoever looks into it."""
    shutil.copytree(home, RESULTS / f"{seed}-logs", dirs_exist_ok=True, ignore=shutil.ignore_patterns("state", "run"))


def save(report: Report) -> Path:
    """Write the report to results/<seed>.json."""
    path = RESULTS / f"{report.plan['seed']}.json"
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return path


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--roles", default=",".join(ROLES), help="which may be killed")
    parser.add_argument("--latency-ms", type=int, default=100, help="of the provider")
    parser.add_argument("--push", default="sandbox_batch", choices=("sandbox_batch", "sandbox_single"))
    parser.add_argument("--workers", type=int, default=1, help="of each role that may be killed")
    parser.add_argument("--how", default="kill", choices=("kill", "restart", "stall"), help="SIGKILL; SIGTERM; SIGSTOP for 14 s")
    given = parser.parse_args()
    roles = tuple(given.roles.split(","))
    plan = Plan(
        given.users, given.kills, given.seed, roles, latency_ms=given.latency_ms, push=given.push, how=given.how, workers=given.workers
    )
    sys.stdout.write(f"seed {plan.seed}\n")
    report = run(plan)
    sys.stdout.write(json.dumps(asdict(report), indent=1) + f"\n{'holds' if report.holds else 'DOES NOT HOLD'}: {save(report)}\n")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
