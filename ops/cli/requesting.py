"""Hands a request, or the parts of a list, to `notify.requests`, and waits for what becomes of it when that is wanted."""

import uuid
from collections.abc import Callable, Iterable, Iterator

import msgspec
from confluent_kafka import KafkaException

from ops.cli.asking import Asked, request_of
from ops.cli.context import codec, reader
from ops.cli.errors import BadRequest, GaveUp
from ops.cli.producing import LogProducer, Place
from ops.cli.tally import Tally
from ops.cli.watch import watching
from ops.endpoints import Endpoints
from projections.cassandra.header import Header
from projections.checks import users_named
from projections.overrides import in_words
from providers.catalogue import Templates
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.records import Audience, NotificationRequested
from schemas.topics import REQUESTS
from streams.policy.loader import load_policy


def prepare(asked: Asked, key: str | None, endpoints: Endpoints) -> tuple[NotificationRequested, bool]:
    """The request, and whether it was made before under the same key. Raises BadRequest, also when that one asked for something else."""
    request = request_of(asked, key or str(uuid.uuid4()), now_ms(), Templates.load(), load_policy())
    if key is None:
        return request, False
    with reader(endpoints) as stored:
        header = stored.header(request.notification.notification_id)
    return (request, False) if header is None else (as_before(request, header), True)


def as_before(request: NotificationRequested, header: Header) -> NotificationRequested:
    """The request with the times of the first one under its key. Raises BadRequest when they differ in more than times."""
    wanted = request.notification
    asked = (
        *(wanted.template_id, wanted.template_version, wanted.category, wanted.priority, wanted.campaign, wanted.channels),
        *(wanted.data, wanted.local_minute, in_words(wanted.overrides)),
    )
    before = (
        *(header.template_id, header.template_version, header.category, header.priority, header.campaign, header.channels),
        *(header.data, header.local_minute, header.overrides),
    )
    if asked != before or (header.audience_users, header.audience_expression) != (users_named(request), request.audience.expression):
        raise BadRequest(f"idempotency key {request.idempotency_key!r} was used for another notification, {header.notification_id}")
    times = {"occurred_at": header.occurred_at, "expires_at": header.expires_at, "not_before": header.not_before}
    same = msgspec.structs.replace(wanted, **times)
    return msgspec.structs.replace(request, notification=same)


def parts_of(first: NotificationRequested, rest: Iterable[Audience]) -> Iterator[NotificationRequested]:
    """The first request of a list, and one for each further part of it; they share all but their users."""
    yield first
    for number, audience in enumerate(rest, 1):
        yield msgspec.structs.replace(first, audience=audience, part=number)


def produce(requests: Iterable[NotificationRequested], producer: LogProducer, codec: Codec) -> list[Place]:
    """Write the requests of one notification, one after the other; returns where they are. Raises GaveUp, KafkaException.

    When it fails in the middle of a list, the same list under the same key goes on where it stopped.
    """
    places: list[Place] = []
    for request in requests:
        try:
            places.append(producer.send(REQUESTS, request.notification.notification_id.encode(), codec.encode(request)))
        except (GaveUp, KafkaException) as error:
            if not places:
                raise
            said = f"{len(places)} parts of the list are written, and are told; the same again with --key {request.idempotency_key} goes on"
            raise GaveUp(f"{error}; {said}") from error
    return places


def send(requests: Iterable[NotificationRequested], endpoints: Endpoints) -> list[Place]:
    """Write the requests of one notification and go."""
    with codec(endpoints) as wire:
        return produce(requests, LogProducer(endpoints.kafka), wire)


def send_and_watch(
    request: NotificationRequested,
    endpoints: Endpoints,
    timeout_s: float,
    show: Callable[[Tally], None],
    rest: Iterable[Audience] = (),
) -> Tally:
    """Write the request, and the `rest` of its list, and return its tally when it is complete. Raises BadRequest, GaveUp."""
    with codec(endpoints) as wire, watching(endpoints.kafka, wire) as watch:
        places = produce(parts_of(request, rest), LogProducer(endpoints.kafka), wire)
        return watch.until_complete(request.notification.notification_id, places, timeout_s, show)
