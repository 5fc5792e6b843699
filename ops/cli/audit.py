"""`carillon audit`: counts everything again from the log, and names what does not come out."""

from typing import Annotated

import typer

from ops.audit.model import PROFILE_BOUND_MS, SLACK_MS
from ops.audit.run import audit_log
from ops.cli.audited import document, rendered
from ops.cli.errors import NotFound
from ops.cli.output import AsJson, console, write_json
from ops.cli.times import moment
from ops.endpoints import Endpoints
from schemas.clock import now_ms

NotificationId = Annotated[str | None, typer.Argument(metavar="[NOTIFICATION]", help="Only this one; default: all.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="T", help="Only those accepted from then on: 2026-01-31T12:00 (UTC), or 90m.")
]
Settled = Annotated[bool, typer.Option("--settled", help="Nothing is under way: whoever is pending is a violation.")]
Slack = Annotated[int, typer.Option("--slack-ms", min=0, help="How far the clocks that stamp the records may be apart.")]
Bound = Annotated[
    int, typer.Option("--profile-bound-ms", min=0, help="How long a newer profile may have been on the log when an intent was written.")
]
Stores = Annotated[bool, typer.Option("--stores/--no-stores", help="Compare Cassandra and ClickHouse with the log, if they answer.")]
StoresSeconds = Annotated[float, typer.Option("--stores-seconds", min=1, help="For each store at most; what is left is said.")]


def audit(
    notification: NotificationId = None,
    since: Since = None,
    settled: Settled = False,
    slack_ms: Slack = SLACK_MS,
    profile_bound_ms: Bound = PROFILE_BOUND_MS,
    stores: Stores = True,
    stores_seconds: StoresSeconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Prove by the log alone that every recipient ended in exactly one state; exit code 1 and the violations by place, if not."""
    endpoints = Endpoints.load()
    since_ms = moment("--since", since, now_ms()) if since else None
    report = audit_log(
        endpoints.kafka,
        endpoints.registry,
        notification=notification,
        since_ms=since_ms,
        settled=settled,
        slack_ms=slack_ms,
        profile_bound_ms=profile_bound_ms,
    )
    if notification and notification not in report.notifications:
        raise NotFound(f"no notification {notification} on the log")
    if stores:
        from ops.audit.stores import compare_stores  # the drivers, 60 MB

        compare_stores(report, endpoints, stores_seconds)
    if as_json:
        write_json(document(report))
    else:
        console().print(rendered(report))
    if not report.green:
        raise typer.Exit(1)
