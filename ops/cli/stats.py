"""`carillon stats`: rates and latency from ClickHouse."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from ops.cli.asking import names
from ops.cli.context import analytics
from ops.cli.errors import BadRequest
from ops.cli.output import AsJson, console, table, write_json
from ops.endpoints import Endpoints
from projections.clickhouse.queries import GRAINS

Campaign = Annotated[str | None, typer.Option("--campaign", help="Only this campaign.")]
NotificationId = Annotated[str | None, typer.Option("--notification", help="Latency and reasons of this notification only.")]
By = Annotated[list[str] | None, typer.Option("--by", help=f"One or more of {', '.join(GRAINS)}. Default: campaign and channel.")]

RATES = ("sent", "suppressed", "failed", "unknown", "failure_rate", "suppression_rate")
LATENCY = ("channel", "priority", "events", "p50_ms", "p90_ms", "p99_ms", "max_ms")
REASONS = ("channel", "status", "reason", "recipients")


def stats(campaign: Campaign = None, notification: NotificationId = None, by: By = None, as_json: AsJson = False) -> None:
    """Rates by campaign and channel, reasons, and latency from acceptance to hand-over."""
    grains = names(by or []) or ["campaign", "channel"]
    if unknown := [grain for grain in grains if grain not in GRAINS]:
        raise BadRequest(f"--by {', '.join(unknown)}: choose from {', '.join(GRAINS)}")
    with analytics(Endpoints.load()) as source:
        answer: dict[str, list[dict[str, Any]]] = {
            "rates": source.rates(grains, campaign),
            "reasons": source.reasons(campaign, notification),
            "latency": source.latency(campaign, notification),
        }
    if as_json:
        write_json(answer)
        return
    show("Rates", answer["rates"], (*grains, *RATES))
    show("Reasons", answer["reasons"], REASONS)
    show("Latency, acceptance to hand-over (ms)", answer["latency"], LATENCY)


def show(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows of an answer as a table; numbers to the right, shares in percent."""
    numbers = [name for name in columns if rows and isinstance(rows[0].get(name), int | float)]
    body = [[_value(name, row.get(name)) for name in columns] for row in rows]
    console().print(table(title, columns, body, right=numbers) if rows else f"{title}: nothing yet")


def _value(column: str, value: Any) -> object:
    if column.endswith("_rate"):
        return "-" if value is None else f"{value:.2%}"
    return f"{value:.0f}" if isinstance(value, float) else value
