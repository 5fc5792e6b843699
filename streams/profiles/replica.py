"""A copy of the profiles of the partitions this process works on, kept current from `notify.profiles`, with an index where wanted.

One thread reads with librdkafka and writes profile, index, counts and position in one RocksDB batch, so they always agree.
Killed at any point: the next start goes on from the stored position. It begins anew when it can't: with an index of another format than
ours, with a log that was made anew, and when it was last current so long ago that a tombstone since may be compacted away (STALE_S): who
was deleted meanwhile would stay.

Every process has a copy of its own, and each is a little behind, one more than the other. So whoever decides waits for `current`: the
copy has all that was in the topic FRESH_S ago, and the profile that the step before decided on.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Message

from schemas.codec import Codec
from schemas.errors import Malformed, RecordRefused
from schemas.records import Output, Profile
from schemas.topics import PROFILES
from streams.profiles.index import ProfileIndex, begin_anew, index_changes, is_current
from streams.profiles.kept import GONE, NOWHERE, Entry, Kept
from streams.profiles.stored import PROFILE, Known, unpack_many, user_keys
from streams.profiles.tail import Tail
from streams.step.log import LogWriter
from streams.step.model import Input
from streams.step.partition import STALE_S, Die
from streams.step.step import dead_letter_output
from streams.step.store import Change, Store, TablePartition

logger = logging.getLogger(__name__)

DLQ_TIMEOUT_S = 60.0
FRESH_S = 0.5
"""How old a copy may be that something is decided on: an opt-out binds, at the latest, so long after it is in `notify.profiles`."""
LOOK_S = 0.005
NOTE_S = 3600.0
"""How often it is noted that a partition is current in which nobody changes: else a quiet night would look like an absence."""
FIRST_LOOK_S = 0.02
"""While a partition is read for the first time: each look takes the interpreter from the thread that reads."""


class ProfileReplica:
    """Reads are local. `ready` and `current` say when a partition is fit to be read."""

    def __init__(self, store: Store, bootstrap: str, codec: Codec, log: LogWriter, die: Die, *, step: str, kept: Kept) -> None:
        """`step` names the reader in dead letters; `kept`: what of each profile."""
        self._store = store
        self._codec = codec
        self._log = log
        self._step = step
        self._kept = kept
        self._parts: dict[int, TablePartition] = {}
        self._fresh_at: dict[int, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tail = Tail(bootstrap, f"carillon.{step}.profiles", PROFILES, self._apply, self._current, self._begin, die)
        self._die = die

    def follow(self, partitions: set[int]) -> None:
        """Keep these partitions current from now on, and no others."""
        self._loop = asyncio.get_running_loop()
        for partition in partitions - set(self._parts):
            self._parts[partition] = self._store.partition("profiles", partition)
        self._tail.follow(partitions)

    async def ready(self, partition: int) -> None:
        """Return when the partition is current for the first time, however long that takes."""
        await self.current(partition, alive=_nothing)

    async def current(self, partition: int, *, offset: int = -1, alive: Callable[[], None]) -> None:
        """Return when the copy has all that `notify.profiles` had FRESH_S ago, and what is at `offset`.

        Mostly at once. `alive` is called while it waits, without an end: as long as Kafka does not answer nothing can be written either,
        and a thread that stands still while it answers is the watchdog's. Raises Malformed when nothing is at `offset` yet: whoever says
        that they decided on it did not.
        """
        asked = time.monotonic()
        while not self._is_current(partition, offset):
            await asyncio.sleep(LOOK_S if partition in self._fresh_at else FIRST_LOOK_S)
            alive()
            if self._fresh_at.get(partition, 0.0) > asked and self._parts[partition].position() <= offset:
                raise Malformed(f"decided on offset {offset} of {PROFILES}/{partition}, which ends at {self._parts[partition].position()}")

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        """What is known of each user, in their order."""
        values = self._parts[partition].get_many([PROFILE + key for key in user_keys(users)])
        return unpack_many(values)

    def index(self, partition: int) -> ProfileIndex:
        """The users of a partition as they are now, by what the copy is indexed by. To be used at once, and let go."""
        return ProfileIndex(self._parts[partition])

    def stop(self) -> None:
        """Stop following."""
        self._tail.stop()

    def _begin(self, partition: int, end: int) -> int:
        """From where to follow a partition whose log has this end."""
        part = self._parts[partition]
        if why := self._unfit(part, end):
            if part.position():
                logger.warning("%s/%s is read again from its beginning: %s", PROFILES, partition, why)
            self._fresh_at.pop(partition, None)
            begin_anew(part, self._kept.format)
        return part.position()

    def _unfit(self, part: TablePartition, end: int) -> str:
        """Why there is no going on from where the copy stands; nothing when there is."""
        if part.position() > end:
            return f"the log ends at {end}, the copy stands at {part.position()}: it is another log"
        if (age_s := part.age_s()) > STALE_S:
            return f"the copy was last current {age_s / 3600:.0f} h ago: the tombstone of who was deleted since may be gone"
        return "its index has another format" if self._kept.found and not is_current(part, self._kept.format) else ""

    def _require_known(self, partition: int) -> None:
        """End the process when it stood still, or had no broker, for so long: what it goes on from is as old as after an absence."""
        if (age_s := self._parts[partition].age_s()) > STALE_S:
            self._die(f"{PROFILES}/{partition}: the copy was last current {age_s / 3600:.0f} h ago, and has to begin anew")

    def _is_current(self, partition: int, offset: int) -> bool:
        fresh = time.monotonic() - self._fresh_at.get(partition, -FRESH_S) < FRESH_S
        return fresh and (offset < 0 or self._parts[partition].position() > offset)  # with -1 any will do: no read of the store

    def _current(self, partition: int, when: float) -> None:
        part = self._parts[partition]
        if part.age_s() > NOTE_S:
            self._require_known(partition)
            part.write([], part.position())
        self._fresh_at[partition] = when

    def _apply(self, partition: int, messages: Sequence[Message], position: int) -> None:
        self._require_known(partition)
        latest: dict[str, Entry] = {}
        for message in messages:
            try:
                user, entry = self._read(message)
            except RecordRefused as error:
                self._refuse(message, error)
            else:
                latest[user] = entry
        part = self._parts[partition]
        # in the order of keys: RocksDB takes those that follow each other faster
        entries = dict(sorted(zip(user_keys(list(latest)), latest.values(), strict=True)))
        changes: list[Change] = [(PROFILE + key, entry.value) for key, entry in entries.items()]
        if found := self._kept.found:
            before = [NOWHERE if value is None else found(value) for value in part.get_many([key for key, _ in changes])]
            after = [entry.prefixes for entry in entries.values()]
            changes += index_changes(part, list(entries), before, after, counted=self._kept.counted)
        part.write(changes, position)

    def _read(self, message: Message) -> tuple[str, Entry]:
        """The user, and what is known of them from now on. Raises RecordRefused."""
        key, value = message.key() or b"", message.value()
        if value is None:
            return key.decode(errors="replace"), GONE
        fields = self._codec.fields(value, Profile)
        user: str = fields["user_id"]
        if not key or key != user.encode():
            raise Malformed(f"the key is {key!r}, not the user id {user!r}")
        return user, self._kept.entry(fields, message.offset() or 0)

    def _refuse(self, message: Message, error: RecordRefused) -> None:
        """Keep the record in the DLQ; the user's profile stays as it was."""
        kind, timestamp = message.timestamp()
        record = Input(
            topic=message.topic() or PROFILES,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            timestamp=timestamp if kind else 0,
            key=message.key(),
            value=message.value(),
            headers={name: bytes(content or b"") for name, content in message.headers() or ()},
        )
        letter: Output = dead_letter_output(self._codec, f"{self._step}.profiles", record, error, max(timestamp, 0))
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._log.send([letter]), self._loop).result(DLQ_TIMEOUT_S)


def _nothing() -> None:
    """Nobody minds how long it takes."""
