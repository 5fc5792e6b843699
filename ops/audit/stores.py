"""What Cassandra and ClickHouse say, against the log. The only part of the audit that uses code of the projections."""

from collections.abc import Callable
from itertools import islice

from ops.audit.report import ChannelSums, Report, Violation
from ops.cli.context import analytics, reader
from ops.endpoints import Endpoints
from projections.errors import ProjectionError

NOTIFICATIONS = 200
"""At most so many are compared one by one: each is a query, or several."""
Counts = dict[str, dict[str, int]]
"""Recipients by channel, by status."""


def compare(report: Report, endpoints: Endpoints) -> None:
    """Add to `report` where a store differs from the log, and what was compared. A store that does not answer is said, not blamed."""
    for store, read in (("cassandra", _cassandra), ("clickhouse", _clickhouse)):
        try:
            report.stores[store] = read(report, endpoints)
        except (ProjectionError, OSError) as error:
            report.stores[store] = f"not compared: {' '.join(str(error).split())[:200]}"


def _cassandra(report: Report, endpoints: Endpoints) -> str:
    with reader(endpoints) as stored:
        return differences(report, "cassandra", lambda it: {channel: dict(counts) for channel, counts in stored.counts(it).items()})


def _clickhouse(report: Report, endpoints: Endpoints) -> str:
    with analytics(endpoints) as source:
        return differences(report, "clickhouse", lambda it: _summed(source.summary(notification_id=it)))


def _summed(rows: list[dict[str, object]]) -> Counts:
    found: Counts = {}
    for row in rows:
        of_channel = found.setdefault(str(row["channel"]), {})
        of_channel[str(row["status"])] = of_channel.get(str(row["status"]), 0) + int(str(row["recipients"]))
    return found


def differences(report: Report, store: str, counts: Callable[[str], Counts]) -> str:
    """Name where `counts` of a notification are not those of the log; returns what was compared.

    A store that has fewer than the log is behind, which is no violation while something is pending; more, or other, always is.
    """
    behind = 0
    some = list(islice(report.notifications.items(), NOTIFICATIONS))
    for notification, sums in some:
        told = counts(notification)
        for channel, one in sums.channels.items():
            behind += _compare(report, store, notification, channel, one, told.get(channel, {}))
    rest = f" of {len(report.notifications):,}" if len(report.notifications) > len(some) else ""
    return f"{len(some):,}{rest} notifications" + (f", {behind:,} recipients not there yet" if behind else ", exact to one")


def _compare(report: Report, store: str, notification: str, channel: str, log: ChannelSums, stored: dict[str, int]) -> int:
    """How many recipients the store does not have yet."""
    wanted = {status: count for status, count in log.outcomes.items() if count}
    if wanted == {status: count for status, count in stored.items() if count}:
        return 0
    more = {status: count - wanted.get(status, 0) for status, count in stored.items() if count > wanted.get(status, 0)}
    if more:
        said = f"{notification} {channel}: {store} has {stored}, the log {wanted}"
        report.violations.append(Violation(f"{store}_differs", said, "notify.status", -1, -1))
        report.counts[f"{store}_differs"] = report.counts.get(f"{store}_differs", 0) + 1
    return max(0, sum(wanted.values()) - sum(stored.values()))
