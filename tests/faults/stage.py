"""What a run is played on: a stack, a sandbox and workers of its own, and its load. Nothing of it is shared, all of it may be broken."""

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
PROVIDERS = """
channels:
  push: [{{kind: {push}, name: sandbox-push, options: {{base_url: "${{SANDBOX_URL}}"}}}}]
  email: [{{kind: sandbox_batch, name: sandbox-email, options: {{base_url: "${{SANDBOX_URL}}", batch_size: {batch}}}}}]
  sms: [{{kind: sandbox_single, name: sandbox-sms, options: {{base_url: "${{SANDBOX_URL}}"}}}}]
  in_app: [{{kind: inbox}}]
"""


@dataclass
class Stage:
    """All parts of a run; `settings` are the stack's."""

    plan: Plan
    endpoints: Endpoints
    settings: Settings
    sandbox: SandboxProcess
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
        httpx.put(f"{self.sandbox.base_url}/v1/settings", json={"*": latency | faults}, timeout=30).raise_for_status()

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
        workers = Workers(endpoints, Path(name) / "workers", _variables(plan, sandbox, Path(name)))
        stage = Stage(plan, endpoints, settings, sandbox, workers, load, view, meter)
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


def _variables(plan: Plan, sandbox: SandboxProcess, folder: Path) -> dict[str, str]:
    providers = folder / "providers.yaml"
    providers.write_text(PROVIDERS.format(push=plan.push, batch=plan.batch))
    variables = {"CARILLON_SANDBOX_URL": sandbox.base_url, "CARILLON_PROVIDERS_FILE": str(providers), "CARILLON_CHUNK": str(plan.chunk)}
    policy = folder / "policy.yaml"
    policy.write_text(UNCAPPED.read_text().replace("digest: {window: 5m", f"digest: {{window: {WINDOW}"))
    variables["CARILLON_POLICY_FILE"] = str(policy)
    if plan.give_way:
        variables["CARILLON_GIVE_WAY"] = "true"
    if plan.how == "stall":
        variables |= {"CARILLON_SESSION_TIMEOUT": str(SESSION_S), "CARILLON_HEARTBEAT": "1"}
    return variables
