"""What Cassandra and ClickHouse have, against the log: equal for every notification, when nothing is under way."""

from itertools import islice

from ops.audit.report import Report, Violation
from ops.audit.stores import NOTIFICATIONS, compare
from ops.endpoints import Endpoints
from tests.faults.oracle import Verdict
from tests.faults.plan import STORES

EXACT = "exact to one"


def judge_stores(log: Report, endpoints: Endpoints, verdict: Verdict) -> dict[str, str]:
    """Blame every difference; returns by store what was compared. `log`: the audit of the whole log."""
    behind: set[str] = set()
    found: list[Violation] = []
    left = iter(log.notifications.items())
    while some := dict(islice(left, NOTIFICATIONS)):
        part = Report(notifications=some)
        compare(part, endpoints)
        found += part.violations
        for violation in part.violations:
            verdict.blame("stores unlike the log", violation)
        for store in STORES:
            if not part.stores[store].endswith(EXACT):
                verdict.blame("stores behind the log", f"{store}: {part.stores[store]}")
                behind.add(store)
    differing = {violation.kind.removesuffix("_differs") for violation in found} | behind
    return {store: f"{len(log.notifications)} notifications, {'NOT equal' if store in differing else EXACT}" for store in STORES}
