"""Puts the story together: what the stores say of this run, whose inbox is shown, what the picture shows."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from ops.cli.context import analytics, reader
from ops.cli.inbox import rendered
from ops.cli.tally import Counts
from ops.cli.times import clock
from ops.demo.heard import Heard
from ops.demo.player import Player
from ops.demo.series import Pictured, growth, latencies, rates, span
from ops.demo.stores import Stores
from ops.endpoints import Endpoints
from providers.catalogue import Templates
from schemas.records import StatusBatch

BIN_S = 0.5
MESSAGES = 6
_RATES = """
SELECT event_type, channel,
  countIf(status = 'sent') AS sent, countIf(status = 'suppressed') AS suppressed, countIf(status = 'failed') AS failed,
  round(failed / nullIf(sent + failed, 0), 4) AS failure_rate, round(suppressed / countIf(status != 'deferred'), 4) AS suppression_rate
FROM status_events FINAL WHERE accepted_at >= fromUnixTimestamp64Milli({since:Int64}) AND startsWith(source, 'events.')
GROUP BY event_type, channel ORDER BY event_type, channel"""
_LATENCY = """
SELECT event_type, priority, count() AS messages,
  quantilesExact(0.5, 0.99)(dateDiff('millisecond', occurred_at, at)) AS c, c[1] AS commit_p50, c[2] AS commit_p99,
  quantilesExact(0.5, 0.99)(latency_ms) AS a, a[1] AS accept_p50, a[2] AS accept_p99
FROM status_events FINAL
WHERE status = 'sent' AND accepted_at >= fromUnixTimestamp64Milli({since:Int64}) AND startsWith(source, 'events.')
GROUP BY event_type, priority ORDER BY event_type"""
_HIDDEN = ("a", "c")


class Analysis(msgspec.Struct, frozen=True):
    """Rows of ClickHouse about one run."""

    rates: list[dict[str, object]]
    latency: list[dict[str, object]]


def analysed(endpoints: Endpoints, since_ms: int) -> Analysis:
    """Rates and latency of everything accepted since then. Raises StoreUnavailable."""
    with analytics(endpoints) as source:
        found = [source.query(sql, {"since": since_ms}) for sql in (_RATES, _LATENCY)]
    return Analysis(*([{name: value for name, value in row.items() if name not in _HIDDEN} for row in rows] for rows in found))


def busiest(batches: Iterable[StatusBatch], sale: str) -> str:
    """Who has most in the inbox from the shop, among those whom the sale reached there; a name of nobody when there is none."""
    single, reached = Counter[str](), set[str]()
    for batch in batches:
        if batch.channel != "in_app" or not batch.batch_id:
            continue
        if batch.notification.notification_id == sale:
            reached.update(batch.users)
        else:
            single.update(batch.users)
    return max((user for user in single if user in reached), key=lambda user: (single[user], user), default="nobody")


def inbox_of(user: str, endpoints: Endpoints) -> list[dict[str, str]]:
    """The newest messages of a user, as the app shows them."""
    templates = Templates.load()
    with reader(endpoints) as stored:
        page = stored.inbox(user, MESSAGES)
    shown = [rendered(message, templates, "en") for message in page.messages]
    return [{"when": clock(one["created_at"])[11:19], "title": one["title"], "body": one["body"]} for one in shown]


def pictured(heard: Heard, stores: Stores, player: Player, sale: str, start_s: float) -> Pictured:
    """The data of the picture; `start_s`: when the play began, by the wall clock."""
    start_ms = round(start_s * 1000)
    tally = heard.tallies[sale]
    end_s = max([point.at for points in stores.written.values() for point in points[-1:]], default=start_ms) / 1000 - start_s
    bins = int(end_s / BIN_S) + 1
    stages = {"decided": heard.decided, "handed over, or suppressed": heard.finished}
    stages |= {f"in {store}": growth(points) for store, points in stores.written.items()}
    day = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Pictured(
        title=f"One flash sale to {tally.users:,} customers, while the shop goes on   ·   {day}",
        funnel=_in_order(tally.counts),
        stages={name: rates(points, start_ms, bins, BIN_S) for name, points in stages.items()},
        bin_s=BIN_S,
        latencies=latencies(heard.statuses, start_ms),
        sale=span((player.sale_at, tally.finished_at / 1000), start_s) if player.sale else None,
        restart=span(player.restarted, start_s),
    )


def _in_order(counts: Counts) -> Counts:
    return {channel: counts[channel] for channel in ("push", "email", "in_app") if channel in counts}
