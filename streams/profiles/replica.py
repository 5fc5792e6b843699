"""A copy of the profiles of the partitions this process works on, kept current from `notify.profiles`, with an index by tag where wanted.

One thread reads with librdkafka and writes profile, index and position in one RocksDB batch, so the index never needs a rebuild.
Killed at any point: the next start goes on from the stored position.

Every process has a copy of its own, and each is a little behind, one more than the other. So whoever decides waits for `current`: the
copy has all that was in the topic FRESH_S ago, and the profile that the step before decided on.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from itertools import islice

from confluent_kafka import Message

from schemas.codec import Codec
from schemas.errors import Malformed, RecordRefused
from schemas.records import Output, Profile
from schemas.topics import PROFILES
from streams.profiles.stored import Known, pack, tag_prefix, unpack, user_key, user_of
from streams.profiles.tail import Tail
from streams.step.log import LogWriter
from streams.step.model import Input
from streams.step.partition import Die
from streams.step.step import dead_letter_output
from streams.step.store import Change, Store, TablePartition

logger = logging.getLogger(__name__)

TABLE, INDEX = b"p", b"t"
DLQ_TIMEOUT_S = 60.0
FRESH_S = 0.5
"""How old a copy may be that something is decided on: an opt-out binds, at the latest, so long after it is in `notify.profiles`."""
LOOK_S = 0.005


class ProfileReplica:
    """Reads are local. `ready` and `current` say when a partition is fit to be read."""

    def __init__(self, store: Store, bootstrap: str, codec: Codec, log: LogWriter, die: Die, *, step: str, indexed: bool) -> None:
        """`step` names the reader in dead letters; `indexed` keeps the index by tag."""
        self._store = store
        self._codec = codec
        self._log = log
        self._step = step
        self._indexed = indexed
        self._parts: dict[int, TablePartition] = {}
        self._fresh_at: dict[int, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tail = Tail(bootstrap, f"carillon.{step}.profiles", PROFILES, self._apply, self._current, self._forget, die)

    def follow(self, partitions: set[int]) -> None:
        """Keep these partitions current from now on, and no others."""
        self._loop = asyncio.get_running_loop()
        for partition in partitions - set(self._parts):
            self._parts[partition] = self._store.partition("profiles", partition)
        self._tail.follow({partition: self._parts[partition].position() for partition in partitions})

    async def ready(self, partition: int) -> None:
        """Return when the partition is current for the first time, however long that takes."""
        await self.current(partition, alive=_nothing)

    async def current(self, partition: int, *, offset: int = -1, alive: Callable[[], None]) -> None:
        """Return when the copy has all that `notify.profiles` had FRESH_S ago, and what is at `offset`.

        Mostly at once. `alive` is called while it waits, without an end: as long as Kafka does not answer nothing can be written either,
        and a thread that stands still while it answers is the watchdog's.
        """
        while not self._is_current(partition, offset):
            await asyncio.sleep(LOOK_S)
            alive()

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        """What is known of each user, in their order."""
        values = self._parts[partition].get_many([TABLE + user_key(user) for user in users])
        return [unpack(value) for value in values]

    def users_after(self, partition: int, tag: str | None, cursor: str, limit: int) -> list[str]:
        """Up to `limit` users after `cursor` (a user id, or empty): those with `tag`, or all when it is None."""
        prefix = TABLE if tag is None else INDEX + tag_prefix(tag)
        start = prefix + user_key(cursor) if cursor else b""
        keys = islice(self._parts[partition].keys_after(start, prefix), limit)
        cut = len(prefix)
        return [user_of(key[cut:]) for key in keys]

    def stop(self) -> None:
        """Stop following."""
        self._tail.stop()

    def _forget(self, partition: int) -> None:
        self._fresh_at.pop(partition, None)
        self._parts[partition].clear()

    def _is_current(self, partition: int, offset: int) -> bool:
        fresh = time.monotonic() - self._fresh_at.get(partition, -FRESH_S) < FRESH_S
        return fresh and self._parts[partition].position() > offset

    def _current(self, partition: int, when: float) -> None:
        self._fresh_at[partition] = when

    def _apply(self, partition: int, messages: Sequence[Message], position: int) -> None:
        latest: dict[str, tuple[Profile | None, int]] = {}
        for message in messages:
            try:
                user, profile = self._read(message)
            except RecordRefused as error:
                self._refuse(message, error)
            else:
                latest[user] = profile, message.offset() or 0
        part = self._parts[partition]
        keys = [TABLE + user_key(user) for user in latest]
        old = part.get_many(keys) if self._indexed else [None] * len(keys)
        changes: list[Change] = []
        for key, before, (profile, offset) in zip(keys, old, latest.values(), strict=True):
            changes.append((key, pack(profile, offset) if profile else None))
            if self._indexed:
                changes += self._index_changes(key, before, profile)
        part.write(changes, position)

    def _read(self, message: Message) -> tuple[str, Profile | None]:
        """The user, and what is known of them from now on; None: they are gone. Raises RecordRefused."""
        key = message.key() or b""
        if message.value() is None:
            return key.decode(errors="replace"), None
        profile = self._codec.decode(message.value(), Profile)
        if not key or key != profile.user_id.encode():
            raise Malformed(f"the key is {key!r}, not the user id {profile.user_id!r}")
        return profile.user_id, profile

    def _index_changes(self, key: bytes, before: bytes | None, profile: Profile | None) -> list[Change]:
        known = unpack(before).profile
        old, new = _tags(known), _tags(profile)
        user = key[len(TABLE) :]
        gone: list[Change] = [(INDEX + tag_prefix(tag) + user, None) for tag in old - new]
        return gone + [(INDEX + tag_prefix(tag) + user, b"") for tag in new - old]

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


def _tags(profile: Profile | None) -> set[str]:
    """The tags that can be asked for. A zero byte ends a tag in the index's keys: with one inside it would be found under another tag."""
    return {tag for tag in profile.tags if "\0" not in tag} if profile else set()
