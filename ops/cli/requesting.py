"""Hands a request to `notify.requests`, and waits for what becomes of it when that is wanted."""

import uuid
from collections.abc import Callable

import msgspec

from ops.cli.asking import Asked, request_of
from ops.cli.context import codec, now_ms, reader
from ops.cli.errors import BadRequest
from ops.cli.producing import LogProducer, Place
from ops.cli.tally import Tally
from ops.cli.watch import watching
from ops.endpoints import Endpoints
from projections.cassandra.header import Header
from providers.catalogue import Templates
from schemas.codec import Codec
from schemas.records import NotificationRequested
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
        *(wanted.data, wanted.local_minute),
    )
    before = (
        *(header.template_id, header.template_version, header.category, header.priority, header.campaign, header.channels),
        *(header.data, header.local_minute),
    )
    if asked != before or (header.audience_users, header.audience_expression) != (len(request.audience.users), request.audience.expression):
        raise BadRequest(f"idempotency key {request.idempotency_key!r} was used for another notification, {header.notification_id}")
    times = {"occurred_at": header.occurred_at, "expires_at": header.expires_at, "not_before": header.not_before}
    same = msgspec.structs.replace(wanted, **times)
    return msgspec.structs.replace(request, notification=same)


def produce(request: NotificationRequested, endpoints: Endpoints, codec: Codec) -> Place:
    """Write the request; returns where it is."""
    key = request.notification.notification_id.encode()
    return LogProducer(endpoints.kafka).send(REQUESTS, key, codec.encode(request))


def send(request: NotificationRequested, endpoints: Endpoints) -> Place:
    """Write the request and go."""
    with codec(endpoints) as wire:
        return produce(request, endpoints, wire)


def send_and_watch(request: NotificationRequested, endpoints: Endpoints, timeout_s: float, show: Callable[[Tally], None]) -> Tally:
    """Write the request and return its tally when it is complete. Raises BadRequest, GaveUp."""
    with codec(endpoints) as wire, watching(endpoints.kafka, wire) as watch:
        place = produce(request, endpoints, wire)
        return watch.until_complete(request.notification.notification_id, place, timeout_s, show)
