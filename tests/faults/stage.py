"""What a run is played on: stack, sandboxes and workers of its own, and its load. Nothing of it is shared, all of it may be broken."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.system import UNCAPPED
from ops.endpoints import Endpoints
from ops.local.settings import Settings
from providers.sandbox_server.process import SandboxProcess, running
from schemas.topics import REQUESTS
from streams.policy.written import UNITS_MS
from tests.faults.digested import members
from tests.faults.load import Load
from tests.faults.log import LogView
from tests.faults.meter import Meter
from tests.faults.outbox import Outbox
from tests.faults.plan import TOPICS, Plan
from tests.faults.stack import own_stack
from tests.faults.workers import SESSION_S, Workers

RESULTS = Path(__file__).parent / "results"
WINDOW = "4s"
"""Of digests: as long as a worker needs to start."""
SCALED = re.compile(r"^ *(retry|expires_after):.*$", re.MULTILINE)
SPAN = re.compile(r"\b([0-9]+)([smhd])\b")
PROVIDERS = """
channels:
  push: [{{kind: {push}, name: sandbox-push, options: {{base_url: "${{SANDBOX_URL}}"{limited}}}}}]
  email: [{{kind: sandbox_batch, name: sandbox-email, options: {{base_url: "{other}", batch_size: {batch}}}}}]
  sms: [{{kind: sandbox_single, name: sandbox-sms, options: {{base_url: "{other}"}}}}]
  in_app: [{{kind: inbox}}]
"""
LIMITED = ", rate_per_s: {per_s}, timeout_ms: {timeout_ms}, concurrency: 16"
TIMEOUT_MS = 3_000
"""Of requests to a provider with a limit: shorter than its phases of an outage."""
URGENT_SHARE = 0.01
"""Of a limit: the urgent of a run are few, and what their lane does not use nobody gets."""


@dataclass
class Stage:
    """All parts of a run; `settings` are the stack's."""

    plan: Plan
    endpoints: Endpoints
    settings: Settings
    sandbox: SandboxProcess
    """What breaks."""
    other: SandboxProcess
    """What serves the other channels: the same one, unless the plan has a limit."""
    workers: Workers
    load: Load
    view: LogView
    meter: Meter
    outbox: Outbox | None = None
    """Upstream's orders, when the plan has them."""
    phases: dict[str, int] = field(default_factory=dict)
    """What the fault consisted of: when each part of it began, epoch ms."""
    broken: Callable[[], bool] = lambda: True
    """Whether the fault is whole by now: some take a while to begin."""
    at_end: list[Callable[[], None]] = field(default_factory=list)
    """What is left to be looked at when nothing is under way any more, and before the workers are stopped."""
    complaints: list[str] = field(default_factory=list)
    """What was not as the fault should have it."""

    def provider(self, **faults: object) -> None:
        """How the provider behaves from now on; without arguments: as it should."""
        latency = {"latency_ms": self.plan.latency_ms, "jitter_ms": self.plan.latency_ms // 2, "reject_rate": 0.01}
        for sandbox, settings in {self.other: latency, self.sandbox: latency | faults}.items():
            httpx.put(f"{sandbox.base_url}/v1/settings", json={"*": settings}, timeout=30).raise_for_status()

    def unasked(self) -> dict[str, int]:
        """Events and digests that have no request yet: what has none can be in no role's lag."""
        there = {entry.record.idempotency_key for entry in self.view.entries[REQUESTS] if entry.record}  # type: ignore[attr-defined]
        return {"events": len(self.load.asked.users.keys() - there), "digests": len(members(self.view.entries).keys() - there)}


@contextmanager
def staged(plan: Plan) -> Iterator[Stage]:
    """Everything up and empty, no worker running yet; stopped and removed at the end, save the workers' logs when the run failed."""
    with (
        tempfile.TemporaryDirectory(prefix="carillon-faults-") as name,
        own_stack(Path(name) / "stack", plan.parts) as (endpoints, settings),
        running() as sandbox,
        ExitStack() as opened,
        closing(Load(endpoints, plan.users, plan.seed)) as load,
        closing(LogView(endpoints, TOPICS, lean=True)) as view,
        closing(Meter(endpoints, plan.everyone)) as meter,
    ):
        other = opened.enter_context(running()) if plan.per_s else sandbox
        workers = Workers(endpoints, Path(name) / "workers", _variables(plan, sandbox, other, Path(name)))
        stage = Stage(plan, endpoints, settings, sandbox, other, workers, load, view, meter)
        stage.outbox = opened.enter_context(closing(Outbox(endpoints, load.users, plan.seed))) if plan.sells else None
        stage.provider()
        try:
            yield stage
        except BaseException:
            keep_logs(stage)
            raise
        finally:
            workers.stop()


def keep_logs(stage: Stage) -> None:
    """What the workers said, for whoever looks into it."""
    unwanted = shutil.ignore_patterns("state", "run")
    shutil.copytree(stage.workers.home, RESULTS / f"{stage.plan.seed}-logs", dirs_exist_ok=True, ignore=unwanted)


def scaled(policy: str, scale: float) -> str:
    """A policy whose `retry` and `expires_after` are so much shorter, in whole seconds, one at least."""

    def shorter(span: re.Match[str]) -> str:
        return f"{max(1, round(int(span[1]) * UNITS_MS[span[2]] / scale / UNITS_MS['s']))}s"

    return SCALED.sub(lambda line: SPAN.sub(shorter, line[0]), policy) if scale != 1 else policy


def _variables(plan: Plan, sandbox: SandboxProcess, other: SandboxProcess, folder: Path) -> dict[str, str]:
    providers = folder / "providers.yaml"
    limited = LIMITED.format(per_s=plan.per_s, timeout_ms=TIMEOUT_MS) if plan.per_s else ""
    providers.write_text(PROVIDERS.format(push=plan.push, batch=plan.batch, other=other.base_url, limited=limited))
    variables = {"CARILLON_SANDBOX_URL": sandbox.base_url, "CARILLON_PROVIDERS_FILE": str(providers), "CARILLON_CHUNK": str(plan.chunk)}
    policy = folder / "policy.yaml"
    policy.write_text(scaled(UNCAPPED.read_text(), plan.scale).replace("digest: {window: 5m", f"digest: {{window: {WINDOW}"))
    variables["CARILLON_POLICY_FILE"] = str(policy)
    if plan.per_s:
        variables["CARILLON_URGENT_SHARE"] = str(URGENT_SHARE)
    if plan.give_way:
        variables["CARILLON_GIVE_WAY"] = "true"
    if plan.how == "stall":
        variables |= {"CARILLON_SESSION_TIMEOUT": str(SESSION_S), "CARILLON_HEARTBEAT": "1"}
    return variables
