"""`audit_log`: the whole audit of a log."""

from ops.audit.report import Report


def audit_log(
    kafka: str, registry: str, *, notification: str | None = None, since_ms: int | None = None, settled: bool = False, slack_ms: int = 1000
) -> Report:
    """Audit the log at `kafka` (bootstrap servers; `registry`: URL), of one notification or of those accepted since `since_ms`.

    `settled`: the caller knows that nothing is under way, so whoever is still pending is a violation.
    """
    raise NotImplementedError
