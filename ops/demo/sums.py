"""The sums that must match at the end. Pure: everything that was counted, in; what matches and what does not, out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import NamedTuple

import msgspec

from ops.cli.tally import Counts, Tally
from ops.demo.sandbox import Received
from schemas import ids
from schemas.records import NotificationRequested
from schemas.topics import events_topic
from streams.intake.trigger import Triggers

HANDED, UNCERTAIN = ("sent", "failed"), ("unknown",)
OUTCOMES = ("sent", "failed", "suppressed", "expired", "unknown")


class Check(NamedTuple):
    """Two figures that must be equal, each counted on its own way."""

    what: str
    left: int
    right: int
    how: str

    @property
    def holds(self) -> bool:
        """Whether they are equal."""
        return self.left == self.right


class Facts(msgspec.Struct, kw_only=True):
    """All that was counted in a run."""

    outbox: dict[str, str]
    """Rows of this run that Postgres has committed: event id to event type."""
    outbox_ever: set[str]
    """All event ids Postgres has, those of earlier runs too."""
    rolled_back: list[str]
    requested: dict[str, NotificationRequested]
    planned: set[str]
    tallies: dict[str, Tally]
    sale: str
    """The notification of the flash sale."""
    people: int
    addresses: dict[str, int]
    """By channel: addresses of those whose message was sent or failed."""
    uncertain: dict[str, int] = {}
    """By channel: addresses of those whose outcome is unknown: some of them may have been reached."""
    received: dict[str, Received]
    """By channel, by the sandbox."""
    clickhouse: Counts
    cassandra_sale: dict[str, dict[str, int]]
    dead_letters: int


def expected_ids(outbox: Mapping[str, str], triggers: Triggers) -> dict[str, str]:
    """The notifications that committed outbox rows must become: id to event type."""
    return {
        ids.notification_id(f"{events_topic(kind.partition('.')[0])}#{rule.name}", event_id): kind
        for event_id, kind in outbox.items()
        for rule in triggers.about(kind)
    }


def checks(facts: Facts, triggers: Triggers) -> Iterator[Check]:
    """Every sum, in the order of the flow."""
    expected = expected_ids(facts.outbox, triggers)
    keys = {request.idempotency_key for request in facts.requested.values()}
    mine = {nid: tally for nid, tally in facts.tallies.items() if nid in expected}
    yield Check(
        "outbox rows committed = notifications requested", len(expected), len(expected.keys() & facts.requested.keys()), "Postgres, log"
    )
    yield Check("requested but never committed (extra)", _extra(facts, expected.keys()), 0, "log, Postgres")
    yield Check("rolled back and yet heard of", len(keys.intersection(facts.rolled_back)), 0, "log")
    yield Check("requested = planned", len(expected.keys() & facts.requested.keys()), len(expected.keys() & facts.planned), "log")
    yield Check("planned = expanded completely", len(expected), sum(tally.expansion_complete for tally in mine.values()), "log")
    yield Check("the sale's audience = customers", _sale(facts).users, facts.people, "log, seed")
    yield from _outcomes(mine.values())
    yield from _provider(facts)
    yield from _stores(facts, mine)
    yield Check("dead letters", facts.dead_letters, 0, "log")


def totals(tallies: Iterable[Tally]) -> Counts:
    """Recipients by channel, by `status` or `status:reason`, of all of them together."""
    found: dict[str, Counter[str]] = {}
    for tally in tallies:
        for channel, counts in tally.counts.items():
            found.setdefault(channel, Counter()).update(counts)
    return {channel: dict(found[channel]) for channel in sorted(found)}


def statuses(counts: Mapping[str, int]) -> Counter[str]:
    """Recipients by status, over all reasons."""
    found: Counter[str] = Counter()
    for name, number in counts.items():
        found[name.partition(":")[0]] += number
    return found


def _sale(facts: Facts) -> Tally:
    return facts.tallies.get(facts.sale) or Tally()


def _extra(facts: Facts, expected: Set[str]) -> int:
    """Requests from upstream that no committed row asked for."""
    upstream = {nid for nid, it in facts.requested.items() if it.notification.source.startswith(events_topic(""))}
    return sum(facts.requested[nid].idempotency_key not in facts.outbox_ever for nid in upstream - expected)


def _outcomes(tallies: Iterable[Tally]) -> Iterator[Check]:
    everything = list(tallies)
    audience: Counter[str] = Counter()
    for tally in everything:
        audience.update(tally.expected)
    for channel, counts in totals(everything).items():
        reached = statuses(counts)
        names = " + ".join(name for name in OUTCOMES if reached[name])
        yield Check(f"{channel}: audience = {names}", audience[channel], sum(reached[name] for name in OUTCOMES), "log")


def _provider(facts: Facts) -> Iterator[Check]:
    for channel, received in sorted(facts.received.items()):
        handed, told = facts.addresses.get(channel, 0), received.distinct + received.rejected
        arrived_all_the_same = min(max(0, told - handed), facts.uncertain.get(channel, 0))
        yield Check(f"{channel}: addresses handed over = received + rejected", handed, told - arrived_all_the_same, "log, sandbox")
    duplicates = sum(received.duplicates for received in facts.received.values())
    yield Check("received twice", duplicates, 0, "sandbox")


def _stores(facts: Facts, mine: Mapping[str, Tally]) -> Iterator[Check]:
    for channel, counts in totals(mine.values()).items():
        both = compared(counts, facts.clickhouse.get(channel, {}))
        yield Check(f"{channel}: outcomes = rows, by reason", *both, "log, ClickHouse")
    for channel, counts in sorted(_sale(facts).counts.items()):
        both = compared(statuses(counts), facts.cassandra_sale.get(channel, {}))
        yield Check(f"{channel}: the sale's outcomes = recipients", *both, "log, Cassandra")


def compared(one: Mapping[str, int], other: Mapping[str, int]) -> tuple[int, int]:
    """What either has and what both have: equal only when every single figure is."""
    names = one.keys() | other.keys()
    pairs = [(one.get(name, 0), other.get(name, 0)) for name in names]
    return sum(map(max, pairs)), sum(map(min, pairs))
