"""`carillon audit`: counts everything again from the log, and names what does not come out."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape

from ops.audit.model import SLACK_MS
from ops.audit.report import TERMINAL, ChannelSums, NotificationSums, Report
from ops.audit.run import audit_log
from ops.cli.errors import BadRequest, NotFound
from ops.cli.output import AsJson, console, table, write_json
from ops.endpoints import Endpoints

NOTIFICATIONS_SHOWN = 20
VIOLATIONS_SHOWN = 50

NotificationId = Annotated[str | None, typer.Argument(metavar="[NOTIFICATION]", help="Only this one; default: all.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="T", help="Only those accepted from then on: 2026-01-31T12:00 (UTC), or 90m.")
]
Settled = Annotated[bool, typer.Option("--settled", help="Nothing is under way: whoever is pending is a violation.")]
Slack = Annotated[int, typer.Option("--slack-ms", min=0, help="How much older than the last one a send's profile may be.")]
Stores = Annotated[bool, typer.Option("--stores/--no-stores", help="Compare Cassandra and ClickHouse with the log, if they answer.")]

UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def audit(
    notification: NotificationId = None,
    since: Since = None,
    settled: Settled = False,
    slack_ms: Slack = SLACK_MS,
    stores: Stores = True,
    as_json: AsJson = False,
) -> None:
    """Prove by the log alone that every recipient ended in exactly one state; exit code 1 and the violations by place, if not."""
    endpoints = Endpoints.load()
    since_ms = moment(since, datetime.now(UTC)) if since else None
    report = audit_log(
        endpoints.kafka, endpoints.registry, notification=notification, since_ms=since_ms, settled=settled, slack_ms=slack_ms
    )
    if notification and notification not in report.notifications:
        raise NotFound(f"no notification {notification} on the log")
    if stores:
        from ops.audit.stores import compare  # the drivers, 60 MB

        compare(report, endpoints)
    if as_json:
        write_json(document(report))
    else:
        console().print(rendered(report))
    if not report.green:
        raise typer.Exit(1)


def moment(text: str, now: datetime) -> int:
    """`90m` before `now`, or an ISO 8601 time (UTC unless it says otherwise), as epoch ms. Raises BadRequest."""
    if text[:-1].isdecimal() and text[-1:] in UNITS_MS:
        return int(now.timestamp() * 1000) - int(text[:-1]) * UNITS_MS[text[-1]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"--since {text}: a time like 2026-01-31T12:00, or a span like 90m, 2h, 1d") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def document(report: Report) -> dict[str, Any]:
    """For programs."""
    return {
        "green": report.green,
        "violations": report.violations,
        "counts": report.counts,
        "not_checkable": report.not_checkable,
        "stores": report.stores,
        "sums": totals(report),
        "notifications": list(report.notifications.values()),
        "records": report.records,
        "seconds": report.seconds,
    }


def rendered(report: Report) -> Group:
    """For people."""
    return Group(*[part for part in (_sums(report), _stores(report), _violations(report), _unchecked(report), verdict(report)) if part])


def verdict(report: Report) -> str:
    """One line: whether it holds."""
    many = f"{len(report.notifications):,} notifications, {report.records:,} records, {report.seconds:.1f} s"
    if report.green:
        return f"[green]everything adds up[/green]: {many}"
    return f"[red]{sum(report.counts.values()):,} violations[/red]: {many}"


def totals(report: Report) -> dict[str, ChannelSums]:
    """The sums of all notifications, by channel."""
    found: dict[str, ChannelSums] = {}
    for one in report.notifications.values():
        for channel, sums in one.channels.items():
            found.setdefault(channel, ChannelSums()).add(sums)
    return found


def _sums(report: Report) -> Any:
    rows = [row for one in list(report.notifications.values())[:NOTIFICATIONS_SHOWN] for row in _rows(one)]
    more = len(report.notifications) - NOTIFICATIONS_SHOWN
    rows += (
        [(f"all {len(report.notifications):,}", channel, *_figures(sums)) for channel, sums in totals(report).items()] if more > 0 else []
    )
    columns = ("notification", "channel", "audience", *TERMINAL, "pending")
    return table("", columns, rows, right=columns[2:]) if rows else None


def _rows(one: NotificationSums) -> list[tuple[object, ...]]:
    name = one.notification_id if one.expanded else f"{one.notification_id} (under way)"
    return [(name, channel, *_figures(sums)) for channel, sums in one.channels.items()]


def _figures(sums: ChannelSums) -> tuple[int, ...]:
    return (sums.audience, *(sums.outcomes.get(status, 0) for status in TERMINAL), sums.pending)


def _stores(report: Report) -> Any:
    return table("", ("store", "compared with the log"), report.stores.items()) if report.stores else None


def _violations(report: Report) -> Any:
    rows = [(f"[red]{it.kind}[/red]", f"{it.topic}/{it.partition}/{it.offset}", escape(it.what)) for it in report.violations]
    if len(rows) > VIOLATIONS_SHOWN:
        rows = [*rows[:VIOLATIONS_SHOWN], ("...", "", f"{sum(report.counts.values()) - VIOLATIONS_SHOWN:,} more: {_kinds(report)}")]
    return table("Violations", ("kind", "topic/partition/offset", "what"), rows) if rows else None


def _kinds(report: Report) -> str:
    return ", ".join(f"{kind} {count:,}" for kind, count in report.counts.items())


def _unchecked(report: Report) -> Any:
    rows = [(count, why) for why, count in report.not_checkable.items()]
    return table("Not checkable", ("times", "why"), rows, right=("times",)) if rows else None
