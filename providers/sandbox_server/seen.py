"""Who was reached, and when, in about 200 bytes a recipient: 60-bit hashes instead of strings (60 bits fit 32 bytes).

A user's first address of a (notification, channel) is one packed integer: 28 bits of the address's hash above 32 bits
of time, in ticks of 0.1 ms since the first arrival (five days). Further addresses and repeats, which are few, have dicts
of their own. Two different recipients are taken for one with a probability of n^2 / 2^61 (a million: 4e-7).
"""

from collections.abc import Sequence

from msgspec import Struct

from providers.sandbox_server.wire import Recipient

KEY_MASK = (1 << 60) - 1
ADDRESS_MASK = (1 << 28) - 1
TICK_BITS = 32
TICK_MASK = (1 << TICK_BITS) - 1
TICK_NS = 100_000
SHARDS = 64  # growing one dict of a million entries would stop the server for 160 ms


class Sighting(Struct, frozen=True):
    """How often one user was reached, and the first and last time, ns since the epoch (to 0.1 ms)."""

    count: int
    first_ns: int
    last_ns: int


class Seen:
    """Exact counts of recipients; `note` says which of them were here before."""

    def __init__(self) -> None:
        self._start_ns = 0
        self._users: list[dict[int, int]] = [{} for _ in range(SHARDS)]
        self._messages: list[set[int]] = [set() for _ in range(SHARDS)]
        self._further: dict[int, int] = {}  # (user, address) -> tick, from a user's second address on
        self._repeats: dict[int, tuple[int, int]] = {}  # user -> (sightings besides the first, last tick)

    def note(self, scope: tuple[str, str], items: Sequence[Recipient], now_ns: int) -> dict[int, int]:
        """Record recipients; returns index -> first arrival (ns) of those that were here before."""
        tick, users = self._tick(now_ns), self._users
        repeated = {}
        for index, item in enumerate(items):
            key = hash((scope, item.user_id)) & KEY_MASK
            address = hash(item.address) & ADDRESS_MASK
            shard = users[key % SHARDS]
            if (first := shard.get(key)) is None:
                shard[key] = address << TICK_BITS | tick
            elif (before := self._note_again(key, first, address, tick)) is not None:
                repeated[index] = self._ns(before)
        return repeated

    def note_messages(self, items: Sequence[Recipient]) -> int:
        """Record message ids; returns how many were here before."""
        messages, again = self._messages, 0
        for item in items:
            key = hash(item.message_id) & KEY_MASK
            shard = messages[key % SHARDS]
            again += key in shard
            shard.add(key)
        return again

    def user(self, scope: tuple[str, str], user_id: str) -> Sighting | None:
        """Return how often a user was reached in a (notification, channel), over all addresses; None: never."""
        key = hash((scope, user_id)) & KEY_MASK
        if (packed := self._users[key % SHARDS].get(key)) is None:
            return None
        first = packed & TICK_MASK
        count, last = self._repeats.get(key, (0, first))
        return Sighting(count=1 + count, first_ns=self._ns(first), last_ns=self._ns(last))

    def _note_again(self, key: int, first: int, address: int, tick: int) -> int | None:
        count, _ = self._repeats.get(key, (0, 0))
        self._repeats[key] = (count + 1, tick)
        if first >> TICK_BITS == address:
            return first & TICK_MASK
        further = hash((key, address))
        before = self._further.get(further)
        if before is None:
            self._further[further] = tick
        return before

    def _tick(self, now_ns: int) -> int:
        self._start_ns = self._start_ns or now_ns
        return min(max(0, (now_ns - self._start_ns) // TICK_NS), TICK_MASK)

    def _ns(self, tick: int) -> int:
        return self._start_ns + tick * TICK_NS
