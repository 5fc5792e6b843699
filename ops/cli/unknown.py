"""`carillon unknown`: who may have been sent to, and what became of them."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.asking import duration_ms
from ops.cli.context import codec
from ops.cli.doubts import Doubt, Doubts, chosen
from ops.cli.errors import BadRequest, NotFound
from ops.cli.logtail import consumer, read_since, watermarks
from ops.cli.output import AsJson, console, table, write_json
from ops.cli.producing import LogProducer
from ops.cli.times import age
from ops.endpoints import Endpoints
from ops.fleet.settings import worker_settings
from providers.secret_files import Variables
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.records import FeedbackReceived, FeedbacksReceived, StatusBatch
from schemas.refs import parse
from schemas.topics import FEEDBACK, STATUS

app = typer.Typer(no_args_is_help=True, help="Who may have been sent to: list, resolve, poll.")

KIND_OF = {"sent": "accepted", "failed": "failed"}
OPERATOR = "operator"

Refs = Annotated[list[str] | None, typer.Argument(metavar="REF...", help="As listed.")]
All = Annotated[bool, typer.Option("--all", help="All that the filters choose.")]
Notification = Annotated[str, typer.Option("--notification", "-n", help="Only those of this notification.")]
Channel = Annotated[str, typer.Option("--channel", help="Only those on this channel.")]
Provider = Annotated[str, typer.Option("--provider", help="Only those of this provider.")]
Since = Annotated[str, typer.Option("--since", help="Only those of the last so long (90m, 24h, 7d).")]
As = Annotated[str, typer.Option("--as", help="What the provider's own records say: sent, or failed.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The gateway's file; its `asked` says who can be asked, and how.")]
Most = Annotated[int, typer.Option("--most", min=1, max=100_000, help="Ask about so many at most.")]
Note = Annotated[str, typer.Option("--note", help="Why, for whoever asks later.")]


@app.command("list")
def list_doubts(
    notification: Notification = "", channel: Channel = "", provider: Provider = "", since: Since = "24h", as_json: AsJson = False
) -> None:
    """Recipients whose outcome can't be known, oldest first; not those of whom the provider, or an operator, said something later."""
    endpoints = Endpoints.load()
    with codec(endpoints) as wire:
        found = chosen(_open(endpoints, wire, since), notification=notification, channel=channel, provider=provider)
    if as_json:
        write_json(found)
        return
    now = now_ms()
    rows = [(one.ref, age(now - one.at), one.notification_id, one.channel, one.user_id, one.provider, one.reason) for one in found]
    console().print(table("", ("ref", "age", "notification", "channel", "user", "provider", "why"), rows) if rows else "nobody")


@app.command()
def resolve(
    refs: Refs = None,
    every: All = False,
    verdict: As = "sent",
    notification: Notification = "",
    channel: Channel = "",
    provider: Provider = "",
    since: Since = "24h",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say what became of them, as if the provider had: nobody is sent to by it."""
    if verdict not in KIND_OF:
        raise BadRequest(f"--as {verdict}: one of {', '.join(KIND_OF)}")
    if bool(refs) == every:
        raise BadRequest("name the refs, or say --all (with --notification, --channel, --provider to choose)")
    endpoints = Endpoints.load()
    with codec(endpoints) as wire:
        doubts = chosen(_open(endpoints, wire, since), notification=notification, channel=channel, provider=provider)
        wanted = doubts if every else _named(doubts, refs or [])
        producer = LogProducer(endpoints.kafka)
        for one in wanted:
            _say(producer, wire, one, KIND_OF[verdict], note)
    if as_json:
        write_json([one.ref for one in wanted])
    else:
        console().print(f"{verdict}: {len(wanted)}" + "".join(f"\n  {one.ref}" for one in wanted))


@app.command()
def poll(
    file: File,
    notification: Notification = "",
    channel: Channel = "",
    provider: Provider = "",
    since: Since = "24h",
    most: Most = 1000,
    as_json: AsJson = False,
) -> None:
    """Ask the providers that can be asked by our reference, oldest first; what they know was taken is so from then on."""
    from gateway.config import load_file
    from ops.cli.polling import Poll

    config, endpoints = load_file(file, Variables(os.environ)), Endpoints.load()
    with codec(endpoints) as wire:
        doubts = chosen(_open(endpoints, wire, since), notification=notification, channel=channel, provider=provider)[:most]
        producer, partitions = LogProducer(endpoints.kafka), worker_settings().partitions
        asking = Poll(config.inquiries, config.feeds, config.settings.polling, producer, wire.encode, partitions)
        answered = asyncio.run(asking.ask(doubts))
    if as_json:
        write_json(answered)
        return
    rows = [(one.ref, one.provider, one.said) for one in answered]
    console().print(table("", ("ref", "provider", "says"), rows) if rows else "nobody")


def _open(endpoints: Endpoints, codec: Codec, since: str) -> list[Doubt]:
    doubts, at = Doubts(), now_ms() - duration_ms(since)
    with consumer(endpoints.kafka) as reader:
        for partition in watermarks(reader, STATUS):
            for message in read_since(reader, STATUS, partition, at):
                doubts.told(codec.decode(message.value(), StatusBatch))
    return doubts.open


def _named(doubts: list[Doubt], refs: list[str]) -> list[Doubt]:
    by_ref = {doubt.ref: doubt for doubt in doubts}
    if missing := [ref for ref in refs if ref not in by_ref]:
        raise NotFound(f"{missing[0]} is not among those whose outcome is unknown; `carillon unknown list` names them")
    return [by_ref[ref] for ref in refs]


def _say(producer: LogProducer, codec: Codec, doubt: Doubt, kind: str, note: str) -> None:
    """Killed after it: said again it is no news."""
    now = now_ms()
    event = FeedbackReceived(
        provider=doubt.provider or OPERATOR,
        channel=doubt.channel,
        provider_message_id="",
        notification_id=doubt.notification_id,
        user_id=doubt.user_id,
        kind=kind,
        detail=f"{OPERATOR}: {note}" if note else OPERATOR,
        occurred_at=now,
        received_at=now,
        ref=doubt.ref,
        reason="resolved",
    )
    record = codec.encode(FeedbacksReceived([event]))
    producer.send(FEEDBACK, doubt.ref.encode(), record, partition=parse(doubt.ref).partition)
