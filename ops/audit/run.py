"""`audit_log`: the whole audit of a log. First what belongs to many partitions, then each partition by itself."""

import time

from ops.audit.gather import gathered
from ops.audit.jobs import jobs, worked
from ops.audit.log import opened
from ops.audit.model import PROFILE_BOUND_MS, SLACK_MS, Terms
from ops.audit.partition import concluded
from ops.audit.report import Findings, Report
from ops.audit.scope import Scope


def audit_log(
    kafka: str,
    registry: str,
    *,
    notification: str | None = None,
    since_ms: int | None = None,
    settled: bool = False,
    slack_ms: int = SLACK_MS,
    profile_bound_ms: int = PROFILE_BOUND_MS,
    processes: int | None = None,
) -> Report:
    """Audit the log at `kafka` (bootstrap servers; `registry`: URL), of one notification or of those accepted since `since_ms`.

    `settled`: the caller knows that nothing is under way, so whoever is still pending is a violation. `slack_ms`: how far clocks may be
    apart. `profile_bound_ms`: how long a newer profile may have been on the log when an intent was written. `processes`: None: as many as
    there are cores, or one for a small log.
    Raises KafkaException, RegistryUnavailable, NotRegistered, LogStalled.
    """
    began, findings = time.monotonic(), Findings()
    scope = Scope(notification or None, since_ms)
    terms = Terms(
        now_ms=time.time_ns() // 1_000_000,
        slack_ms=slack_ms,
        profile_bound_ms=profile_bound_ms,
        settled=settled,
        partial=scope.partial,
    )
    with opened(kafka, registry) as log:
        shared = gathered(log, scope, terms, findings)
    results = worked(list(jobs(kafka, registry, shared)), processes)
    report = concluded(shared.terms, findings, shared.asked, results)
    report.seconds = round(time.monotonic() - began, 2)
    return report
