"""The questions the CLI asks, as SQL over the views. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

GRAINS = ("hour", "campaign", "category", "channel", "provider", "template_id", "template_version")
_MEASURES = ("sent", "delivered", "opened", "clicked", "failed", "bounced", "complained", "suppressed", "unknown")


class Query(NamedTuple):
    """SQL and the values of its `{name:Type}`."""

    sql: str
    params: dict[str, Any]


def summary(campaign: str | None, notification_id: str | None) -> Query:
    """Recipients and events by channel and status."""
    where, params = _where(campaign=campaign, notification_id=notification_id)
    return Query(
        "SELECT campaign, channel, status, sum(d.recipients) AS recipients, sum(d.events) AS events,"
        " min(d.first_at) AS first_at, max(d.last_at) AS last_at"
        f" FROM delivery_summary AS d {where} GROUP BY campaign, channel, status ORDER BY campaign, channel, status",
        params,
    )


def counts(notification_ids: Sequence[str]) -> Query:
    """Distinct recipients of some notifications, each by channel and status."""
    return Query(
        "SELECT notification_id, channel, status, sum(d.recipients) AS recipients FROM delivery_summary AS d"
        " WHERE notification_id IN {ids:Array(String)} GROUP BY notification_id, channel, status",
        {"ids": list(notification_ids)},
    )


def reasons(campaign: str | None, notification_id: str | None) -> Query:
    """Recipients by channel, status and reason, most first."""
    where, params = _where(campaign=campaign, notification_id=notification_id)
    return Query(
        f"SELECT channel, status, reason, sum(r.recipients) AS recipients FROM reasons AS r {where}"
        " GROUP BY channel, status, reason ORDER BY recipients DESC, channel, status, reason",
        params,
    )


def rates(by: Sequence[str], campaign: str | None) -> Query:
    """What happened and its shares, by any of GRAINS. Raises ValueError on another grain."""
    unknown = [grain for grain in by if grain not in GRAINS]
    if unknown or not by:
        raise ValueError(f"by {', '.join(unknown) or 'nothing'}: choose from {', '.join(GRAINS)}")
    where, params = _where(campaign=campaign)
    sums = ", ".join(f"sum(r.{name}) AS {name}" for name in _MEASURES)
    return Query(
        f"SELECT {', '.join(by)}, {sums}, {_SHARES} FROM rates AS r {where} GROUP BY {', '.join(by)} ORDER BY {', '.join(by)}",
        params,
    )


_SHARES = ", ".join(
    f"round({part} / nullIf({whole}, 0), 4) AS {name}"
    for name, part, whole in (
        ("delivery_rate", "delivered", "sent"),
        ("open_rate", "opened", "sent"),
        ("click_rate", "clicked", "sent"),
        ("failure_rate", "failed", "sent + failed"),
        ("suppression_rate", "suppressed", "sent + failed + suppressed"),
    )
)


def latency(campaign: str | None, notification_id: str | None) -> Query:
    """Acceptance to hand-over, ms, by channel and priority: exact quantiles over all events, not an average of quantiles."""
    where, params = _where("status = 'sent'", campaign=campaign, notification_id=notification_id)
    return Query(
        "SELECT channel, priority, count() AS events, quantilesExact(0.5, 0.9, 0.95, 0.99)(latency_ms) AS q,"
        " q[1] AS p50_ms, q[2] AS p90_ms, q[3] AS p95_ms, q[4] AS p99_ms, max(latency_ms) AS max_ms"
        f" FROM status_events FINAL {where} GROUP BY channel, priority ORDER BY channel, priority",
        params,
    )


def funnel(notification_id: str) -> Query:
    """One line per channel."""
    where, params = _where(notification_id=notification_id)
    return Query(f"SELECT * FROM funnel {where} ORDER BY channel", params)


def expansion(notification_id: str) -> Query:
    """How far the audience was expanded."""
    where, params = _where(notification_id=notification_id)
    return Query(f"SELECT * FROM expansion_progress {where}", params)


def throughput(notification_id: str | None, since_ms: int | None) -> Query:
    """Events in each second, by channel and status."""
    conditions = ["second >= fromUnixTimestamp64Milli({since:Int64})"] if since_ms is not None else []
    where, params = _where(*conditions, notification_id=notification_id)
    return Query(
        f"SELECT second, channel, status, sum(t.events) AS events FROM throughput AS t {where}"
        " GROUP BY second, channel, status ORDER BY second, channel, status",
        params | ({"since": since_ms} if since_ms is not None else {}),
    )


def _where(*conditions: str, **equal: str | None) -> tuple[str, dict[str, Any]]:
    params = {name: value for name, value in equal.items() if value is not None}
    told = [*conditions, *(f"{name} = {{{name}:String}}" for name in params)]
    return ("WHERE " + " AND ".join(told) if told else ""), dict(params)
