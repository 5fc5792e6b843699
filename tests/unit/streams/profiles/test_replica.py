"""The copy of the profiles: what a batch of records makes of tables, index and dead letters. The store is real, Kafka is not."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.records import DeadLetter, Device, Output, Profile
from schemas.topics import DLQ, PROFILES
from streams.profiles import replica as replica_module
from streams.profiles.index import is_current
from streams.profiles.kept import INDEXED, PHONES, PLAIN
from streams.profiles.replica import FRESH_S, ProfileReplica
from streams.profiles.stored import PROFILE, phone_prefix, platform_prefix, tag_prefix, user_key, user_of
from streams.step import store as store_module
from streams.step.log import LogWriter
from streams.step.partition import STALE_S
from streams.step.store import Store
from tests.unit.streams.make import NOW, codec, profile

CODEC = codec()


class Message:
    """As confluent-kafka's."""

    def __init__(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        self._offset, self._key, self._value = offset, key, value

    def topic(self) -> str:
        return PROFILES

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 1, NOW

    def headers(self) -> list[tuple[str, bytes]]:
        return []


class FakeTail:
    """Follows nothing; remembers what it was told."""

    def __init__(self, *args: Any) -> None:
        self.followed: list[set[int]] = []

    def follow(self, partitions: set[int]) -> None:
        self.followed.append(partitions)


class Letters:
    """A log that keeps dead letters."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    async def send(self, outputs: Sequence[Output]) -> dict[tuple[str, int], int]:
        self.outputs += outputs
        return {}

    def read(self) -> list[DeadLetter]:
        assert {output.topic for output in self.outputs} <= {DLQ}
        return [CODEC.decode(output.value, DeadLetter) for output in self.outputs]


class Bench:
    """A replica of partition 0 that is fed by hand."""

    def __init__(self, replica: ProfileReplica, letters: Letters) -> None:
        self.replica = replica
        self.letters = letters
        self._next = 0

    async def begin(self, partition: int = 0, end: int = 1000) -> int:
        """As the thread does before it follows a partition: from which offset?"""
        return int(await asyncio.to_thread(cast(Any, self.replica)._begin, partition, end))

    async def current(self, partition: int = 0) -> None:
        """The thread has read the partition to its end."""
        await asyncio.to_thread(cast(Any, self.replica)._current, partition, time.monotonic())

    async def apply(self, *records: tuple[str | bytes | None, Profile | bytes | None]) -> None:
        """One batch."""
        messages = []
        for key, value in records:
            raw = CODEC.encode(value) if isinstance(value, Profile) else value
            messages.append(Message(self._next, key.encode() if isinstance(key, str) else key, raw))
            self._next += 1
        await asyncio.to_thread(cast(Any, self.replica)._apply, 0, messages, self._next)

    def users(self, prefix: bytes = PROFILE) -> list[str]:
        """Those under a prefix, by name; as many as are counted."""
        index = self.replica.index(0)
        found = sorted(map(user_of, index.keys(prefix, b"", 1000)))
        assert index.count(prefix) == len(found)
        return found

    def tagged(self, tag: str) -> list[str]:
        return self.users(tag_prefix(tag))

    def channels(self, user: str) -> list[str] | None:
        (known,) = self.replica.get_many(0, [user])
        return known.profile.channels if known.profile else None


def die(reason: str) -> NoReturn:
    raise AssertionError(reason)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "db")
    yield made
    made.close()


@pytest.fixture
async def bench(store: Store, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(replica_module, "Tail", FakeTail)
    letters = Letters()
    replica = ProfileReplica(store, "nowhere", CODEC, cast(LogWriter, letters), die, step="audience", kept=INDEXED)
    replica.follow({0})
    made = Bench(replica, letters)
    await made.begin()
    return made


async def test_a_profile_is_known_with_its_offset(bench: Bench) -> None:
    await bench.apply(("ann", profile("ann")), ("bob", profile("bob")))
    (nobody, bob) = bench.replica.get_many(0, ["nobody", "bob"])
    assert (nobody.profile, nobody.offset) == (None, -1)
    assert bob.profile is not None
    assert (bob.profile.user_id, bob.offset) == ("bob", 1)


async def test_of_one_batch_the_last_counts(bench: Bench) -> None:
    await bench.apply(("ann", profile("ann", channels=["push"], tags=["x"])), ("ann", profile("ann", channels=[], tags=["y"])))
    assert bench.channels("ann") == []
    assert (bench.tagged("x"), bench.tagged("y")) == ([], ["ann"])


async def test_the_index_follows_changes_and_deletes(bench: Bench) -> None:
    await bench.apply(("ann", profile("ann", tags=["x", "y"])), ("bob", profile("bob", tags=["x"])))
    assert bench.tagged("x") == ["ann", "bob"]
    await bench.apply(("ann", profile("ann", tags=["z"])), ("bob", None))
    assert [bench.tagged(tag) for tag in ("x", "y", "z")] == [[], [], ["ann"]]
    assert bench.users() == ["ann"]


async def test_a_deletion_of_nobody_is_nothing(bench: Bench) -> None:
    await bench.apply(("ghost", None))
    assert (bench.channels("ghost"), bench.letters.outputs) == (None, [])


async def test_a_bad_record_is_kept_and_the_profile_stays(bench: Bench) -> None:
    await bench.apply(("ann", profile("ann", channels=["push"])))
    await bench.apply(("ann", b"garbage"), ("bob", profile("bob")))
    assert bench.channels("ann") == ["push"]
    assert bench.channels("bob") is not None
    (letter,) = bench.letters.read()
    assert (letter.topic, letter.offset, letter.key, letter.value) == (PROFILES, 1, b"ann", b"garbage")
    assert (letter.reason, letter.step) == ("bad_magic", "audience.profiles")


async def test_a_bad_record_takes_no_good_one_of_its_batch_with_it(bench: Bench) -> None:
    """An opt-out, and then garbage of the same user: the opt-out counts."""
    await bench.apply(("ann", profile("ann", channels=["push"])))
    await bench.apply(("ann", profile("ann", channels=[])), ("ann", b"garbage"))
    assert bench.channels("ann") == []
    assert [letter.offset for letter in bench.letters.read()] == [2]


async def test_every_bad_record_of_a_batch_is_kept(bench: Bench) -> None:
    await bench.apply((None, b"one"), (None, b"two"), ("ann", b"three"), ("ann", profile("ann")))
    assert [letter.value for letter in bench.letters.read()] == [b"one", b"two", b"three"]
    assert bench.channels("ann") is not None


@pytest.mark.parametrize("key", [None, b"", "bob", b"\xff\xfe"])
async def test_a_profile_under_another_key_than_its_user_is_refused(bench: Bench, key: str | bytes | None) -> None:
    await bench.apply(("bob", profile("bob", channels=["email"])))
    await bench.apply((key, profile("ann", channels=["push"])))
    assert (bench.channels("bob"), bench.channels("ann")) == (["email"], None)
    assert [letter.reason for letter in bench.letters.read()] == ["malformed"]


async def test_a_tag_with_a_zero_byte_does_not_reach_into_another_tag(bench: Bench) -> None:
    users = [f"u{number}" for number in range(40)]
    await bench.apply(*[(user, profile(user, tags=["vip\0x", "vip\0"])) for user in users], ("ann", profile("ann", tags=["vip"])))
    assert bench.tagged("vip") == ["ann"]


async def test_the_index_follows_platforms(bench: Bench) -> None:
    phone, browser = Device("ios", "a"), Device("web", "b")
    await bench.apply(("ann", profile("ann", devices=[phone, browser])), ("bob", profile("bob", devices=[])))
    assert [bench.users(platform_prefix(name)) for name in ("ios", "android", "web")] == [["ann"], [], ["ann"]]
    await bench.apply(("ann", profile("ann", devices=[browser])), ("bob", profile("bob", devices=[phone, phone])))
    assert [bench.users(platform_prefix(name)) for name in ("ios", "web")] == [["bob"], ["ann"]]


async def test_an_index_of_another_format_is_made_anew(store: Store, bench: Bench) -> None:
    await bench.apply(("ann", profile("ann", tags=["x"])))
    part = store.partition("profiles", 0)
    old = store.partition("profiles", 1)
    old.write([(PROFILE + user_key("bob"), b"a profile without a platform's entry")], 7)
    bench.replica.follow({0, 1})
    assert [await bench.begin(number) for number in (0, 1)] == [1, 0]
    assert bench.replica.index(1).keys(PROFILE, b"", 9) == []
    assert (is_current(part), is_current(old)) == (True, True)
    assert bench.tagged("x") == ["ann"]


async def test_a_copy_without_an_index_is_never_made_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_module, "Tail", FakeTail)
    store.partition("profiles", 0).write([(PROFILE + user_key("bob"), b"a profile")], 7)
    plain = ProfileReplica(store, "nowhere", CODEC, cast(LogWriter, Letters()), die, step="bulk", kept=PLAIN)
    plain.follow({0})
    assert await Bench(plain, Letters()).begin() == 7


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(["ann", "bob", "cid"]),
                st.one_of(st.none(), st.just(b"garbage"), st.sets(st.sampled_from(["x", "y"])).map(sorted)),
            ),
            max_size=5,
        ),
        max_size=4,
    )
)
async def test_the_index_is_what_the_profiles_say_however_they_come_in_batches(
    bench: Bench, batches: list[list[tuple[str, bytes | list[str] | None]]]
) -> None:
    await bench.apply(*[(user, None) for user in ("ann", "bob", "cid")])
    tags: dict[str, list[str]] = {}
    for some in batches:
        for user, said in some:
            if isinstance(said, list):
                tags[user] = said
            elif said is None:
                tags.pop(user, None)
        await bench.apply(*[(user, profile(user, tags=said) if isinstance(said, list) else said) for user, said in some])
    for tag in ("x", "y"):
        assert bench.tagged(tag) == sorted(user for user in tags if tag in tags[user])
    assert bench.users() == sorted(tags)


async def test_it_goes_on_from_where_the_store_stands(bench: Bench) -> None:
    tail = cast(Any, bench.replica)._tail
    assert tail.followed == [{0}]
    await bench.apply(("ann", profile("ann")), ("bob", profile("bob")))
    bench.replica.follow({0, 1})
    assert tail.followed[-1] == {0, 1}
    assert [await bench.begin(number) for number in (0, 1)] == [2, 0]


async def test_a_partition_is_current_when_it_was_read_to_its_end_a_moment_ago(bench: Bench) -> None:
    bench.replica.follow({0, 1})
    waits = {number: asyncio.create_task(bench.replica.ready(number)) for number in (0, 1)}
    await asyncio.to_thread(cast(Any, bench.replica)._current, 0, time.monotonic() - FRESH_S)
    await asyncio.to_thread(cast(Any, bench.replica)._current, 1, time.monotonic())
    await waits[1]
    assert not waits[0].done()
    waits[0].cancel()


async def test_a_partition_is_current_when_it_has_what_was_decided_on(bench: Bench) -> None:
    cast(Any, bench.replica)._current(0, time.monotonic())
    signs = asyncio.Event()
    wait = asyncio.create_task(bench.replica.current(0, offset=0, alive=signs.set))
    await signs.wait()
    assert not wait.done()
    await bench.apply(("ann", None))
    cast(Any, bench.replica)._current(0, time.monotonic())
    await wait


async def test_nobody_decided_on_what_the_topic_does_not_have(bench: Bench) -> None:
    """A batch that says so would be waited for for ever."""
    await bench.apply(("ann", None))
    wait = asyncio.create_task(bench.replica.current(0, offset=1, alive=lambda: None))
    await asyncio.sleep(0)
    cast(Any, bench.replica)._current(0, time.monotonic())
    with pytest.raises(Malformed, match=r"decided on offset 1 of notify.profiles/0, which ends at 1"):
        await wait


async def test_a_log_made_anew_is_another_log(store: Store, bench: Bench) -> None:
    await bench.apply(("ann", profile("ann", tags=["x"])))
    assert await bench.begin(end=0) == 0
    assert bench.channels("ann") is None
    assert bench.tagged("x") == []
    assert is_current(store.partition("profiles", 0))


HOUR_S = 3600.0


class Clock:
    """Wall-clock seconds, set by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_700_000_000.0
        monkeypatch.setattr(store_module.time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_a_copy_that_was_away_for_half_a_day_goes_on(clock: Clock, bench: Bench) -> None:
    await bench.apply(("ann", profile("ann")), ("bob", profile("bob")))
    clock.now += STALE_S
    assert await bench.begin() == 2
    assert bench.users() == ["ann", "bob"]


async def test_who_was_deleted_while_a_copy_was_away_for_long_does_not_stay(clock: Clock, bench: Bench) -> None:
    """Their tombstone is compacted away: only a copy that begins anew does without it."""
    await bench.apply(("ann", profile("ann", tags=["x"])), ("bob", profile("bob", tags=["x"])))
    clock.now += STALE_S + 1
    assert await bench.begin() == 0
    assert (bench.users(), bench.tagged("x")) == ([], [])
    await bench.apply(("bob", profile("bob", tags=["x"])))
    assert (bench.users(), bench.tagged("x"), bench.channels("ann")) == (["bob"], ["bob"], None)


async def test_the_same_without_an_index(clock: Clock, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_module, "Tail", FakeTail)
    plain = ProfileReplica(store, "nowhere", CODEC, cast(LogWriter, Letters()), die, step="bulk", kept=PLAIN)
    plain.follow({0})
    bench = Bench(plain, Letters())
    await bench.apply(("ann", profile("ann")))
    clock.now += STALE_S + 1
    assert await bench.begin() == 0
    assert bench.channels("ann") is None


async def test_a_partition_that_another_worker_had_for_long_begins_anew(clock: Clock, bench: Bench) -> None:
    """Within one life of the process, too."""
    bench.replica.follow({0, 1})
    await bench.begin(1)
    await bench.apply(("ann", profile("ann")))
    bench.replica.follow({1})
    clock.now += STALE_S + 1
    bench.replica.follow({0, 1})
    assert await bench.begin() == 0
    assert bench.channels("ann") is None


async def test_a_quiet_partition_that_was_followed_is_not_away(clock: Clock, bench: Bench) -> None:
    await bench.apply(("ann", profile("ann")))
    for _ in range(40):
        clock.now += HOUR_S
        await bench.current()
    clock.now += STALE_S - HOUR_S
    assert await bench.begin() == 1
    assert bench.channels("ann") is not None


async def test_a_process_that_stood_still_for_long_does_not_go_on_from_there(clock: Clock, bench: Bench) -> None:
    """Neither what it reads next, nor the answer to a question from before, makes the copy young again: the next start begins anew."""
    await bench.apply(("ann", profile("ann")))
    clock.now += STALE_S + 1
    with pytest.raises(AssertionError, match=r"notify.profiles/0: the copy was last current 12 h ago, and has to begin anew"):
        await bench.apply(("bob", profile("bob")))
    with pytest.raises(AssertionError, match="has to begin anew"):
        await bench.current()
    assert await bench.begin() == 0


async def test_a_copy_of_numbers_finds_who_has_one_or_has_it_out_of_use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_module, "Tail", FakeTail)
    copy = ProfileReplica(store, "nowhere", CODEC, cast(LogWriter, Letters()), die, step="feedback", kept=PHONES)
    copy.follow({0})
    bench = Bench(copy, Letters())
    assert await bench.begin() == 0

    def users(number: str) -> list[str]:
        return sorted(map(user_of, copy.index(0).keys(phone_prefix(number), b"", 10)))

    ann = profile("ann", phone="+491", suppressed={"+492": "stop", "a@example.com": "hard_bounce"})
    await bench.apply(("ann", ann), ("bob", profile("bob", phone="+491")), ("cid", profile("cid", phone="")))
    assert [users(number) for number in ("+491", "+492", "+49", "a@example.com", "")] == [["ann", "bob"], ["ann"], [], [], []]
    await bench.apply(("ann", profile("ann", phone="+493")), ("bob", None))
    assert [users(number) for number in ("+491", "+492", "+493")] == [[], [], ["ann"]]
    await bench.apply(("ann", profile("ann", phone="")))
    assert (users("+493"), store.partition("profiles", 0).get(PROFILE + user_key("ann"))) == ([], None)
    assert await bench.begin() == 6, "in its own format it goes on"
