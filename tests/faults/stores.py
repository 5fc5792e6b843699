"""What Cassandra and ClickHouse have, against the log: equal for every notification, when nothing is under way."""

from ops.audit.report import Report
from ops.audit.stores import compare_stores
from ops.cli.audited import compared
from ops.endpoints import Endpoints
from tests.faults.oracle import Verdict

SECONDS = 300.0


def judge_stores(log: Report, endpoints: Endpoints, verdict: Verdict) -> dict[str, str]:
    """Blame every difference, and whatever was not compared; returns by store what was. `log`: the audit of the whole log."""
    found = Report(notifications=log.notifications)
    compare_stores(found, endpoints, SECONDS)
    for violation in found.violations:
        verdict.blame("stores unlike the log", violation)
    for store, it in found.stores.items():
        if it.behind or it.left_notifications or it.error:
            verdict.blame("stores behind the log", f"{store}: {it}")
    return {store: compared(it) for store, it in found.stores.items()}
