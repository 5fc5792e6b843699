"""`carillon audience`: how many an audience expression would reach, before anything is sent."""

from contextlib import suppress
from typing import Annotated

import typer
from confluent_kafka import Consumer, Message

from ops.cli.context import codec
from ops.cli.counting import Count, Counter, count_of
from ops.cli.errors import BadRequest
from ops.cli.logtail import consumer, read_all, watermarks
from ops.cli.output import AsJson, console, write_json
from ops.endpoints import Endpoints
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import Profile
from schemas.topics import PROFILES
from streams.audience.expression import parse
from streams.audience.nodes import Expression

Text = Annotated[str, typer.Argument(metavar="AUDIENCE", help="An expression, as in `tag:vip and not platform:web`.")]
Quick = Annotated[bool, typer.Option("--quick", help="Read one partition only, and estimate the rest from it.")]


def audience(expression: Text, quick: Quick = False, as_json: AsJson = False) -> None:
    """Say how many users an audience expression holds for now. Reads the profiles from the log; nothing is sent."""
    wanted = checked(expression)
    endpoints = Endpoints.load()
    with codec(endpoints) as wire, consumer(endpoints.kafka) as log:
        found = counted(expression, wanted, log, wire, quick=quick)
    if as_json:
        write_json(found)
    else:
        console().print(told(found), markup=False)


def checked(expression: str) -> Expression:
    """The tree of an expression. Raises BadRequest."""
    try:
        wanted = parse(expression)
    except RecordRefused as error:
        raise BadRequest(str(error)) from error
    if wanted is None:
        raise BadRequest("the audience is empty: `all`, or an expression such as `tag:vip and platform:ios`")
    return wanted


def counted(expression: str, wanted: Expression, log: Consumer, wire: Codec, *, quick: bool) -> Count:
    """The count as of now, a partition at a time. Raises KafkaException, GaveUp."""
    marks = watermarks(log, PROFILES)
    chosen = sorted(marks)[: 1 if quick else None]
    return count_of(expression, [_partition(wanted, log, wire, number, *marks[number]) for number in chosen], len(marks))


def _partition(wanted: Expression, log: Consumer, wire: Codec, number: int, first: int, end: int) -> tuple[int, int]:
    counter = Counter(wanted)

    def note(message: Message) -> None:
        key, value = message.key() or b"", message.value()
        profile = wire.decode(value, Profile) if value is not None else None
        if profile is None or profile.user_id.encode() == key:
            counter.note(key, profile)

    def note_readable(message: Message) -> None:
        with suppress(RecordRefused):  # as workers do: it is a dead letter, and the profile before it counts
            note(message)

    read_all(log, {(PROFILES, number): first}, {(PROFILES, number): end}, note_readable)
    return counter.totals()


def told(found: Count) -> str:
    """One line for people."""
    if found.exact:
        return f"{found.users:,} of {found.profiles:,} users (exact, as of now)"
    of = f"about {found.users:,} (± {found.margin:,}) of {found.profiles:,} users"
    return f"{of} (estimated from {found.counted} of {found.partitions} partitions)"
