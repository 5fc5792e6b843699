"""What `carillon audit` says: for people, and for programs."""

from typing import Any

from rich.console import Group
from rich.markup import escape

from ops.audit.report import TERMINAL, ChannelSums, Compared, NotificationSums, Report
from ops.cli.output import table

NOTIFICATIONS_SHOWN = 20
VIOLATIONS_SHOWN = 50


def document(report: Report) -> dict[str, Any]:
    """For programs."""
    return {
        "green": report.green,
        "violations": report.violations,
        "counts": report.counts,
        "not_checkable": report.not_checkable,
        "profiles_behind": report.profiles_behind,
        "stores": report.stores,
        "sums": totals(report),
        "notifications": list(report.notifications.values()),
        "records": report.records,
        "seconds": report.seconds,
    }


def rendered(report: Report) -> Group:
    """For people."""
    parts = _sums(report), _stores(report), _violations(report), _unchecked(report), _behind(report), verdict(report)
    return Group(*[part for part in parts if part])


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
    rows = [(store, compared(it)) for store, it in report.stores.items()]
    return table("", ("store", "compared with the log"), rows) if rows else None


def compared(it: Compared) -> str:
    """What was held against the log, and what was not."""
    said = [f"{it.notifications:,} notifications, {it.recipients:,} recipients by channel and status"] if it.notifications else []
    said += ["exact to one"] if it.notifications and not it.behind + it.differing else []
    said += [f"{it.differing:,} channels differ"] if it.differing else []
    said += [f"{it.behind:,} recipients not there yet"] if it.behind else []
    said += [f"NOT COMPARED: {it.left_notifications:,} notifications, {it.left_recipients:,} recipients"] if it.left_notifications else []
    said += [it.error] if it.error else ["no time for more"] if it.left_notifications else []
    return "; ".join(said)


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


def _behind(report: Report) -> str:
    """Within the bound, so no violation."""
    it = report.profiles_behind
    return f"{it.sends:,} sends on a profile that had changed before the intent, by {it.largest_ms:,} ms at most" if it.sends else ""
