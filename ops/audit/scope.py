"""Which notifications an audit is about, and which spans of the log can tell of them."""

from typing import NamedTuple

from ops.audit.log import Log, Position, Span, only
from ops.audit.model import Entry
from ops.audit.requests import Asked
from schemas.partition import partition_of
from schemas.topics import CHANNELS, DLQ, EXPANSIONS, FANOUTS, PROFILES, REQUESTS, STATUS, deliver_topic, ledger_topic

DELIVER, LEDGER = "notify.deliver.", "notify.ledger."
CLOCK_SLACK_MS = 60_000
Spans = dict[Position, Span]


class Scope(NamedTuple):
    """One notification, those accepted since a moment (epoch ms), or all."""

    notification: str | None = None
    since_ms: int | None = None

    @property
    def partial(self) -> bool:
        """Only some notifications were asked for."""
        return self.notification is not None or self.since_ms is not None

    def home(self, partitions: int) -> int | None:
        """The partition that the requests are on; None: any."""
        return None if self.notification is None else partition_of(self.notification, partitions)

    def holds(self, request: Entry) -> bool:
        """Whether a record of notify.requests belongs to it; one that can't be read may."""
        if self.notification is not None and request.key != self.notification.encode():
            return False
        return self.since_ms is None or request.record is None or bool(request.record.notification.accepted_at >= self.since_ms)

    def narrowed(self, log: Log, spans: Spans) -> Spans:
        """The spans that can tell of those accepted since. Profiles and ledgers are compacted: of those all is needed."""
        if self.since_ms is None:
            return spans
        timed = {place: span for place, span in spans.items() if place[0] != PROFILES and not place[0].startswith(LEDGER)}
        return spans | log.since(timed, self.since_ms - CLOCK_SLACK_MS)


def everything(log: Log) -> tuple[Spans, int]:
    """What there is, and over how many partitions the users are spread.

    Ends are taken from the last step to the first, so that whatever is seen has its cause in what is read.
    """
    topics = log.topics("notify.")
    lanes = [topic for prefix in (LEDGER, DELIVER) for topic in topics if topic.startswith(prefix)]
    names = [STATUS, *lanes, EXPANSIONS, *FANOUTS, REQUESTS, PROFILES, DLQ]
    return {(topic, number): log.span(topic, number) for topic in names for number in range(topics.get(topic, 0))}, topics.get(STATUS, 0)


def of_one(log: Log, spans: Spans, asked: Asked | None) -> Spans:
    """The spans that can tell of one notification."""
    if asked is None:
        return {}
    delivers = [deliver_topic(channel, asked.priority) for channel in asked.channels or CHANNELS]
    timed = only(spans, [*delivers, EXPANSIONS, *FANOUTS, STATUS])
    return only(spans, [PROFILES, *map(ledger_topic, delivers)]) | log.since(timed, asked.timestamp - CLOCK_SLACK_MS)
