"""What arrived: exact totals, by channel and notification, duplicates, a series by second. Pure: the time comes in."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

from providers.sandbox_server.seen import Seen, Sighting
from providers.sandbox_server.wire import Recipient

SINGLES_KEPT = 100_000
DUPLICATES_KEPT = 10_000
SECONDS_KEPT = 7_200


class Tally(Struct):
    """Counts of one channel, or of one notification on one channel; times in ns since the epoch."""

    requests: int = 0
    received: int = 0
    duplicates: int = 0  # arrivals of a (notification, user, channel, address) that was there before
    duplicate_messages: int = 0  # arrivals of a message_id that was there before
    rejected: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def report(self) -> dict[str, int]:
        """Return the counts, with `distinct` recipients."""
        return structs.asdict(self) | {"distinct": self.received - self.duplicates}


class Faults(Struct):
    """Requests answered with a fault, by kind; throttled and failed ones are not received, stalled, reset and garbled ones are.

    `partial` counts messages: those that failed alone in their request.
    """

    throttled: int = 0
    failed: int = 0
    stalled: int = 0
    reset: int = 0
    garbled: int = 0
    partial: int = 0
    malformed: int = 0


class Duplicate(Struct, frozen=True):
    """One repeated arrival of a recipient."""

    notification_id: str
    channel: str
    user_id: str
    address: str
    message_id: str
    first_ns: int
    again_ns: int


class Ledger:
    """All that the server knows; grows by about 200 bytes a recipient and 400 a notification."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._channels: dict[str, Tally] = {}
        self._notifications: dict[str, dict[str, Tally]] = {}
        self._seen = Seen()
        self._duplicates: deque[Duplicate] = deque(maxlen=DUPLICATES_KEPT)
        self._singles: dict[str, int] = {}
        self._seconds: dict[int, int] = {}
        self._asked: dict[int, int] = {}

    def asked(self, count: int, now_ns: int) -> None:
        """Record that a request of so many messages came, whatever becomes of it."""
        _count_second(self._asked, count, now_ns)

    def take(self, channel: str, notification_id: str, items: Sequence[Recipient], now_ns: int) -> None:
        """Record one request's recipients of one notification."""
        repeated = self._seen.note((notification_id, channel), items, now_ns)
        again = self._seen.note_messages(items)
        for tally in self._tallies(channel, notification_id):
            tally.requests += 1
            tally.received += len(items)
            tally.duplicates += len(repeated)
            tally.duplicate_messages += again
            tally.first_ns = tally.first_ns or now_ns
            tally.last_ns = now_ns
        _count_second(self._seconds, len(items), now_ns)
        for index, first_ns in repeated.items():
            item = items[index]
            self._duplicates.append(Duplicate(notification_id, channel, item.user_id, item.address, item.message_id, first_ns, now_ns))

    def arrived_alone(self, notification_id: str, now_ns: int) -> None:
        """Record when the only recipient of a request arrived; the last SINGLES_KEPT notifications are kept."""
        self._singles.setdefault(notification_id, now_ns)
        if len(self._singles) > SINGLES_KEPT:
            del self._singles[next(iter(self._singles))]

    def reject(self, channel: str, notification_id: str, count: int) -> None:
        """Record recipients that were refused for good."""
        for tally in self._tallies(channel, notification_id):
            tally.rejected += count

    def stats(self, notification_id: str | None = None) -> dict[str, Any]:
        """Return totals and the same by channel, of one notification or of everything (with faults, received and asked by second)."""
        if notification_id is not None:
            return _total(self._notifications.get(notification_id, {}))
        whole = {"notifications": len(self._notifications), "faults": structs.asdict(self.faults)}
        return _total(self._channels) | whole | {"series": sorted(self._seconds.items()), "asked": sorted(self._asked.items())}

    def user(self, notification_id: str, user_id: str) -> dict[str, Sighting]:
        """Return channel -> sighting of a user in a notification."""
        found = {c: self._seen.user((notification_id, c), user_id) for c in self._notifications.get(notification_id, {})}
        return {channel: sighting for channel, sighting in found.items() if sighting}

    def duplicates(self, notification_id: str | None, limit: int) -> list[Duplicate]:
        """Return the latest repeated arrivals, newest first; DUPLICATES_KEPT are kept."""
        matching = (d for d in reversed(self._duplicates) if notification_id in (None, d.notification_id))
        return [duplicate for duplicate, _ in zip(matching, range(limit), strict=False)]

    def arrivals(self, prefix: str) -> dict[str, int]:
        """Return notification id -> first arrival (ns) of those that arrived alone in a request."""
        return {key: ns for key, ns in self._singles.items() if key.startswith(prefix)}

    def _tallies(self, channel: str, notification_id: str) -> tuple[Tally, Tally]:
        if (whole := self._channels.get(channel)) is None:
            whole = self._channels[channel] = Tally()
        channels = self._notifications.setdefault(notification_id, {})
        if (tally := channels.get(channel)) is None:
            tally = channels[channel] = Tally()
        return whole, tally


def _count_second(seconds: dict[int, int], count: int, now_ns: int) -> None:
    second = now_ns // 1_000_000_000
    seconds[second] = seconds.get(second, 0) + count
    if len(seconds) > SECONDS_KEPT:
        del seconds[next(iter(seconds))]


def _total(channels: dict[str, Tally]) -> dict[str, Any]:
    total = Tally()
    for tally in channels.values():
        for field in ("requests", "received", "duplicates", "duplicate_messages", "rejected"):
            setattr(total, field, getattr(total, field) + getattr(tally, field))
        total.first_ns = min(filter(None, (total.first_ns, tally.first_ns)), default=0)
        total.last_ns = max(total.last_ns, tally.last_ns)
    return total.report() | {"channels": {name: tally.report() for name, tally in channels.items()}}
