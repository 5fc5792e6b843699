"""Fetches the partitions that Faust was assigned, with librdkafka on a thread of its own, and keeps what has come until it is taken.

aiokafka's fetching costs 1.2 to 1.5 ms of CPU a record that comes alone, this 0.1 (docs/adr/0010).
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from schemas.clients import Config, consumer_config
from streams.health.rules import Place
from streams.step.partition import Die
from streams.step.reader import fetched, records_of

BATCH = 500
POLL_S = 0.1
STOP_S = 10.0
MOST = 64
"""Records of one partition that are taken at once."""
HIGH, LOW = 1_000_000, 250_000
"""Bytes that wait of one partition (a record counts 100 more than its value): when it is held back, and when it is fetched again."""
RECORD_BYTES = 100
FETCHING: Config = {
    "fetch.wait.max.ms": 500,
    "fetch.message.max.bytes": 262_144,
    "queued.max.messages.kbytes": 4_096,
    "fetch.queue.backoff.ms": 10,
}
"""Little is fetched ahead: what a partition that is held back has fetched is thrown away."""


class Fetching:
    """What has come of each partition. All methods belong to the event loop, but those of the thread."""

    def __init__(self, bootstrap: str, group: str, loop: asyncio.AbstractEventLoop, die: Die) -> None:
        """`group` is named to the broker and never joined. What the thread raises ends the process."""
        self._consumer = Consumer(consumer_config(bootstrap, group) | FETCHING)
        self._loop = loop
        self._die = die
        self._waiting: dict[Place, deque[Message]] = defaultdict(deque)
        self._fetched: dict[Place, int] = defaultdict(int)
        self._taken: dict[Place, int] = defaultdict(int)
        """Bytes since the assignment; the thread writes the first, the loop the second. What waits for a loop that stands is bounded."""
        self._came = asyncio.Event()
        self._lock = threading.Lock()
        self._number = 0
        """Of the assignment: what was fetched for an earlier one is dropped."""
        self._wanted: Mapping[Place, int | None] | None = None
        self._assigned: list[Place] = []
        self._changed = threading.Event()
        self._held: set[Place] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fetching", daemon=True)
        self._thread.start()

    def begin(self, positions: Mapping[Place, int | None]) -> None:
        """Fetch these partitions, from these offsets (None: from the first), and no others; forget what has come so far."""
        self._waiting.clear()
        self._taken.clear()
        with self._lock:
            self._number += 1
            self._wanted = dict(positions)
        self._changed.set()

    async def take(self, active: Iterable[Place], timeout_s: float) -> dict[Place, list[Message]]:
        """What has come of `active` partitions, some of each, in order; nothing after `timeout_s`. When `active` changes: `look`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (ready := [place for place in active if self._waiting.get(place)]):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return {}
        return {place: self._some(place) for place in ready}

    def look(self) -> None:
        """Other partitions are active now."""
        self._came.set()

    def stop(self) -> None:
        """Blocks for 10 s at most."""
        self._stopping.set()
        self._thread.join(STOP_S)

    def _some(self, place: Place) -> list[Message]:
        waiting = self._waiting[place]
        taken = [waiting.popleft() for _ in range(min(MOST, len(waiting)))]
        self._taken[place] += sum(map(_size, taken))
        return taken

    def _arrived(self, number: int, messages: Mapping[Place, list[Message]]) -> None:
        if number != self._number:
            return
        for place, some in messages.items():
            self._waiting[place].extend(some)
        self._came.set()

    def _run(self) -> None:
        try:
            number = 0
            while not self._stopping.is_set():
                if not self._assigned:
                    self._changed.wait(POLL_S)
                number = self._reassign(number)
                self._hold_back()
                records, _ = records_of(fetched(self._consumer, BATCH, POLL_S if self._assigned else 0))
                messages = _by_place(records)
                for place, some in messages.items():
                    self._fetched[place] += sum(map(_size, some))
                if messages and not self._stopping.is_set():
                    self._loop.call_soon_threadsafe(self._arrived, number, messages)
            self._consumer.close()
        except Exception as error:
            self._die(f"nothing can be fetched: {type(error).__name__}: {error}")

    def _reassign(self, number: int) -> int:
        """Returns the number of the assignment that is fetched from now on."""
        with self._lock:
            wanted, self._wanted, latest = self._wanted, None, self._number
            self._changed.clear()
        if wanted is None:
            return number
        if self._held:
            self._consumer.resume(_places(self._held))
            self._held.clear()
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING if offset is None else offset) for place, offset in wanted.items()])
        self._assigned = list(wanted)
        self._fetched.clear()
        return latest

    def _hold_back(self) -> None:
        """Let those wait of which enough has come: nobody takes it, and the others must go on."""
        if full := {place for place in self._assigned if place not in self._held and self._bytes(place) > HIGH}:
            self._consumer.pause(_places(full))
        if taken := {place for place in self._held if self._bytes(place) < LOW}:
            self._consumer.resume(_places(taken))
        self._held = (self._held | full) - taken

    def _bytes(self, place: Place) -> int:
        """Fetched and not taken."""
        return self._fetched.get(place, 0) - self._taken.get(place, 0)


def _places(places: Iterable[Place]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]


def _by_place(messages: Iterable[Message]) -> Mapping[Place, list[Message]]:
    found: dict[Place, list[Message]] = defaultdict(list)
    for message in messages:
        found[str(message.topic()), int(message.partition() or 0)].append(message)
    return found


def _size(message: Message) -> int:
    return len(message) + RECORD_BYTES
