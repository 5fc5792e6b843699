"""What belongs to many partitions, and is read before any of them: requests, chunks, and the ends of what is to be read."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ops.audit.log import Log, Position, Span, only
from ops.audit.model import Place, Terms
from ops.audit.report import Findings
from ops.audit.requests import Asked, Chunks, Expansions, Requests
from ops.audit.scope import Scope, Spans, everything, of_one
from schemas.records import AudienceExpanded, NotificationRequested
from schemas.topics import DLQ, EXPANSIONS, REQUESTS


class Gathered(NamedTuple):
    """`terms`: with what the log has of its own. `partitions`: how many the users are spread over. `chunks`: by partition."""

    terms: Terms
    partitions: int
    spans: Mapping[Position, Span]
    asked: Mapping[str, Asked]
    chunks: Mapping[int, Chunks]


def gathered(log: Log, scope: Scope, terms: Terms, findings: Findings) -> Gathered:
    """All that the audits of the partitions need; what is wrong with it is added to `findings`. Raises KafkaException, LogStalled."""
    spans, partitions = everything(log)
    terms = msgspec.structs.replace(terms, lows={place: span.low for place, span in spans.items()}, held=_held(log, spans))
    spans = scope.narrowed(log, spans)
    asked = _asked(log, spans, scope, Requests(terms, findings, partitions), scope.home(partitions))
    if scope.notification is not None:
        spans = of_one(log, spans, asked.get(scope.notification))
    expansions = Expansions(terms, findings, asked)
    for entry in log.entries(only(spans, [EXPANSIONS]), AudienceExpanded):
        expansions.note(entry)
    return Gathered(terms, partitions, spans, asked, expansions.chunks)


def _asked(log: Log, spans: Spans, scope: Scope, requests: Requests, home: int | None) -> Mapping[str, Asked]:
    for entry in log.entries(only(spans, [REQUESTS], home), NotificationRequested):
        if scope.holds(entry):
            requests.note(entry)
    return requests.asked


def _held(log: Log, spans: Spans) -> frozenset[Place]:
    """The places that dead letters come from, by their keys."""
    found = set()
    for message in log.messages(only(spans, [DLQ])):
        topic, _, rest = (message.key() or b"").decode(errors="replace").partition("/")
        partition, _, offset = rest.partition("/")
        if partition.isdecimal() and offset.isdecimal():
            found.add(Place(topic, int(partition), int(offset)))
    return frozenset(found)
