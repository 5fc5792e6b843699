"""`carillon replay`: send again what failed in an outage, once it is over; and which replays there were."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.cli.asking import names, rate_of
from ops.cli.context import codec
from ops.cli.logtail import consumer
from ops.cli.output import AsJson, console, progress_console, table, write_json
from ops.cli.published import in_force
from ops.cli.replaying import Run, chosen_of, filters_of, runs_of
from ops.cli.times import clock
from ops.endpoints import Endpoints
from ops.replay.found import Found
from ops.replay.log import KafkaLog
from ops.replay.model import Line
from ops.replay.run import RESUMED, Replay
from ops.replay.run import Progress as Tell
from ops.replay.words import GO, SAID
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.records import Record, ReplayEnded, ReplayStarted
from schemas.topics import REPLAYS

app = typer.Typer(invoke_without_command=True, help="Send again what failed, decided afresh; `list`: the replays there were.")

From = Annotated[str, typer.Option("--from", help="Told at that time or later: 2026-01-31T12:00 (UTC), or 2h ago as 2h. Needed.")]
To = Annotated[str, typer.Option("--to", help="Told at that time or earlier; as --from. Default: now.")]
Status = Annotated[str, typer.Option("--status", help="failed; or unknown, where policy resends it.")]
Notification = Annotated[str, typer.Option("--notification", "-n", help="Only of this notification.")]
Channel = Annotated[str, typer.Option("--channel", help="Only on this channel.")]
Provider = Annotated[str, typer.Option("--provider", help="Only by this provider.")]
Category = Annotated[str, typer.Option("--category", help="Only of this category.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only for this reason; may be repeated. Default: those that may pass.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, and why not the rest. Nothing is written.")]
Rate = Annotated[str, typer.Option("--rate", metavar="RATE", help="Users a second, as in 500/s; default: as fast as delivery takes them.")]
By = Annotated[str, typer.Option("--by", envvar="USER", help="Who asks; it is kept on the log.")]


@app.callback()
def replay(
    context: typer.Context,
    begin: From = "",
    end: To = "",
    status: Status = "failed",
    notification: Notification = "",
    channel: Channel = "",
    provider: Provider = "",
    category: Category = "",
    reason: Reasons = None,
    dry_run: DryRun = False,
    rate: Rate = "off",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Hand those who failed back to the decision. Who was sent to is left out; stopped, it is called again and goes on."""
    if context.invoked_subcommand is not None:
        return
    filters = filters_of(status, notification, channel, provider, category, names(reason or []))
    chosen, per_second, replay_id = chosen_of(begin, end, filters, now_ms()), rate_of(rate), str(uuid.uuid4())
    endpoints = Endpoints.load()
    with codec(endpoints) as wire, consumer(endpoints.kafka) as reader:
        one = Replay(KafkaLog(endpoints.kafka, reader), wire, in_force(endpoints, wire), chosen, replay_id, now_ms)
        found = one.look()
        if dry_run:
            _show(found, {}, "", as_json)
            return
        told = filters | {"from": clock(chosen.since), "to": clock(chosen.until)}
        with _bar(found.going) as progress:
            counts = one.send(found, by, told, per_second, time.sleep, progress)
    _show(found, counts, replay_id, as_json)


@app.command("list")
def list_replays(as_json: AsJson = False) -> None:
    """The replays of the last 90 days, oldest first. One without an end was stopped, or is under way."""
    endpoints = Endpoints.load()
    with codec(endpoints) as wire:
        found = _runs(endpoints, wire)
    if as_json:
        write_json(found)
        return
    rows = [(clock(one.started.at), one.started.by, one.of, one.became, one.started.replay_id) for one in found]
    console().print(table("", ("started", "by", "of", "became", "replay"), rows) if rows else "no replays")


def _runs(endpoints: Endpoints, wire: Codec) -> list[Run]:
    found: list[Record] = []
    with consumer(endpoints.kafka) as reader:
        log = KafkaLog(endpoints.kafka, reader)
        log.read(
            REPLAYS, 0, 0, log.end(REPLAYS, 0), lambda _, __, value: found.append(wire.decode_one_of(value, (ReplayStarted, ReplayEnded)))
        )
    return runs_of(found)


def _show(found: Found, counts: Counter[str] | dict[str, int], replay_id: str, as_json: bool) -> None:
    lines = sorted(found.lines.items(), key=lambda item: (item[0].why != GO, *item[0]))
    if as_json:
        shown = [{**line._asdict(), "recipients": number} for line, number in lines]
        write_json({"replay_id": replay_id, "go": found.going, "unfinished": found.unfinished, "counts": dict(counts), "lines": shown})
        return
    console().print(_table(lines))
    if found.unfinished:
        console().print(f"{found.unfinished:,} were reopened by a replay that was stopped: their commands are written again")
    if replay_id:
        console().print(f"replay {replay_id}: {counts[GO]:,} handed over, {counts[RESUMED]:,} resumed", markup=False)
    else:
        console().print(f"would go: {found.going:,}; quiet hours, caps and pauses are asked when they are decided")


def _table(lines: list[tuple[Line, int]]) -> Table:
    rows = [(line.why, SAID.get(line.why, ""), line.notification, line.channel, line.provider, line.reason, n) for line, n in lines]
    return table("", ("", "", "notification", "channel", "provider", "told", "recipients"), rows, right=("recipients",))


@contextmanager
def _bar(total: int) -> Iterator[Tell]:
    """A bar on stderr for the time of the block."""
    columns = (SpinnerColumn(), TextColumn("[bold]replay"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=progress_console()) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, completed=done)
