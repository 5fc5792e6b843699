"""`carillon dlq`: list, show, replay and discard what could not be processed."""

from typing import Annotated, Any

import msgspec
import typer

from ops.cli.context import codec
from ops.cli.errors import BadRequest
from ops.cli.letters import DEAD, DeadLetterTopic, Filter, Letter, dead_letters
from ops.cli.output import AsJson, console, table, write_json
from ops.cli.producing import LogProducer
from ops.cli.times import age, clock
from ops.endpoints import Endpoints
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.deadletter import dead_letter_key
from schemas.errors import SchemaError
from schemas.records import DeadLetter
from schemas.topics import DLQ

app = typer.Typer(no_args_is_help=True, help="What could not be processed: list, show, replay, discard.")

REPLAYED, DISCARDED, ANY = "replayed", "discarded", "any"
MAX_HEX = 4096

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As listed: topic/partition/offset.")]
One = Annotated[str, typer.Argument(metavar="ID", help="As listed: topic/partition/offset.")]
All = Annotated[bool, typer.Option("--all", help="All that the filters choose.")]
Topic = Annotated[str, typer.Option("--topic", help="Only those that came from this topic.")]
Reason = Annotated[str, typer.Option("--reason", help="Only those with this reason.")]
Step = Annotated[str, typer.Option("--step", help="Only those that this step gave up on.")]
State = Annotated[str, typer.Option("--state", help="dead, replayed, discarded or any.")]


@app.command("list")
def list_letters(topic: Topic = "", reason: Reason = "", step: Step = "", state: State = DEAD, as_json: AsJson = False) -> None:
    """The dead letters, oldest first; those that were replayed or discarded only when asked for."""
    endpoints = Endpoints.load()
    with codec(endpoints) as wire, dead_letters(endpoints, wire) as dead:
        found = dead.letters().chosen(Filter("" if state == ANY else state, topic, reason, step))
    if as_json:
        write_json(found)
        return
    now = now_ms()
    rows = [(one.id, one.reason, one.step, age(now - one.failed_at), one.state, one.detail) for one in found]
    console().print(table("", ("id", "reason", "step", "age", "state", "detail"), rows) if rows else "no dead letters")


@app.command()
def show(letter_id: One, as_json: AsJson = False) -> None:
    """One dead letter with its bytes, decoded where that is possible."""
    endpoints = Endpoints.load()
    with codec(endpoints) as wire, dead_letters(endpoints, wire) as dead:
        letter = dead.letters().named([letter_id])[0]
        shown = described(letter, dead.whole(letter), wire)
    if as_json:
        write_json(shown)
    else:
        console().print(table("", ("", ""), [(name, _text(value)) for name, value in shown.items()]))


@app.command()
def replay(ids: Ids = None, every: All = False, topic: Topic = "", reason: Reason = "", step: Step = "", as_json: AsJson = False) -> None:
    """Write the records again to where they came from; everything after that knows what it has had."""
    _settle(ids or [], every, Filter(DEAD, topic, reason, step), REPLAYED, as_json)


@app.command()
def discard(ids: Ids = None, every: All = False, topic: Topic = "", reason: Reason = "", step: Step = "", as_json: AsJson = False) -> None:
    """Put the letters aside for good; their bytes stay on the topic for as long as it keeps them."""
    _settle(ids or [], every, Filter(DEAD, topic, reason, step), DISCARDED, as_json)


def described(letter: Letter, record: DeadLetter, codec: Codec) -> dict[str, Any]:
    """Everything about a letter; bytes as hex (the first 4 KiB), and the value decoded, or why it can't be."""
    value = record.value or b""
    return {
        **msgspec.to_builtins(letter),
        "timestamp": clock(letter.timestamp),
        "failed_at": clock(letter.failed_at),
        "stack_hash": record.stack_hash,
        "headers": {name: content.decode(errors="replace") for name, content in record.headers.items()},
        "key_hex": (record.key or b"").hex(),
        "value_hex": value[:MAX_HEX].hex(),
        "decoded": _decoded(record.value, codec),
    }


def _decoded(value: bytes | None, codec: Codec) -> object:
    try:
        name, fields = codec.decode_any(value)
    except SchemaError as error:
        return f"not decodable: {type(error).__name__}: {error}"
    return {name: fields}


def _settle(ids: list[str], every: bool, wanted: Filter, state: str, as_json: bool) -> None:
    """Killed between the record and the mark: it is replayed again, and every step knows what it has had."""
    if bool(ids) == every:
        raise BadRequest("name the letters, or say --all (with --topic, --reason, --step to choose)")
    endpoints = Endpoints.load()
    with codec(endpoints) as wire, dead_letters(endpoints, wire) as dead:
        letters = dead.letters()
        chosen = letters.named(ids) if ids else letters.chosen(wanted)
        for letter in chosen:
            if letter.state != DEAD:
                raise BadRequest(f"{letter.id} was {letter.state} already")
        producer = LogProducer(endpoints.kafka)
        for letter in chosen:
            _settle_one(letter, dead, producer, wire, state)
    if as_json:
        write_json([letter.id for letter in chosen])
    else:
        console().print(f"{state}: {len(chosen)}" + "".join(f"\n  {letter.id}" for letter in chosen))


def _settle_one(letter: Letter, dead: DeadLetterTopic, producer: LogProducer, codec: Codec, state: str) -> None:
    record = dead.whole(letter)
    if state == REPLAYED:
        producer.send(
            record.topic, record.key, record.value, partition=record.partition, headers=record.headers, timestamp=record.timestamp
        )
    settled = msgspec.structs.replace(record, state=state)
    producer.send(DLQ, dead_letter_key(record.topic, record.partition, record.offset), codec.encode(settled))


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=repr).decode()
