"""The profile step: what becomes of a record of changes, also of one with changes that can't be."""

from typing import cast

import msgspec
import pytest

from schemas.partition import partition_of
from schemas.records import DeadLetter, Profile, ProfileChanged, ProfilesChanged, Write
from schemas.topics import DLQ
from streams.profiles.agent import ProfileStep
from streams.profiles.rules import Remains
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from tests.unit.streams.make import NOW, change, codec, profile

CODEC = codec()
HOME = partition_of("ann", 8)


class Part:
    """A partition's tables; what is committed before the step returns is in `committed`."""

    def __init__(self, deleted: Remains | None = None, **rows: Profile) -> None:
        self._rows = {("profiles", user.encode()): CODEC.encode(row) for user, row in rows.items()}
        if deleted:
            self._rows["deleted", b"ann"] = msgspec.msgpack.encode(deleted)
        self.committed: list[Write] = []

    def get(self, table: str, key: bytes) -> bytes | None:
        return self._rows.get((table, key))

    async def commit(self, effects: Effects) -> None:
        assert not effects.outputs
        self.committed += effects.writes

    def alive(self) -> None:
        """Nobody asks."""


async def handled(*changes: ProfileChanged, part: Part | None = None, offset: int = 9) -> Effects:
    value = CODEC.encode(ProfilesChanged(list(changes)))
    record = Input("notify.profile-events", HOME, offset, NOW, b"ann", value, {})
    return await ProfileStep(CODEC, lambda: NOW, 8).handle(cast(StepPartition, part or Part()), [record])


def remains(write: Write) -> Remains:
    assert (write.table, write.key) == ("deleted", b"ann")
    assert write.value
    return msgspec.msgpack.decode(write.value, type=Remains)


def letter(effects: Effects) -> DeadLetter:
    (output,) = effects.outputs
    assert output.topic == DLQ
    return CODEC.decode(output.value, DeadLetter)


def profiles(effects: Effects) -> dict[bytes, Profile]:
    return {write.key: CODEC.decode(write.value, Profile) for write in effects.writes}


async def test_changes_of_one_record_build_on_each_other() -> None:
    effects = await handled(
        change(position=1, email="a@example.com"), change(position=2, tags=["x"]), part=Part(ann=profile(language="de"))
    )
    made = profiles(effects)[b"ann"]
    assert (made.email, made.tags, made.language, made.applied_offset) == ("a@example.com", ["x"], "de", 9)
    assert effects.outputs == []


async def test_a_deleted_user_leaves_a_tombstone_and_before_it_what_remains() -> None:
    part = Part(ann=profile(source_positions={"api": 4}))
    (write,) = (await handled(change(source="cdc:users", position=5, deleted=True), part=part)).writes
    assert (write.table, write.key, write.value) == ("profiles", b"ann", None)
    assert [remains(each) for each in part.committed] == [Remains({"cdc:users": NOW}, {"api": 4, "cdc:users": 5})]


async def test_what_remains_keeps_the_deleted_deleted() -> None:
    part = Part(Remains({"cdc:users": NOW}, {"api": 4, "cdc:users": 5}))
    assert not await handled(change(position=4, tags=["old"]), part=part)
    assert part.committed == []


async def test_what_is_known_is_not_written_again() -> None:
    assert not await handled(change(position=4, tags=["old"]), part=Part(ann=profile(source_positions={"api": 4})))


async def test_who_comes_back_knows_what_is_old() -> None:
    part = Part(Remains({"cdc:users": NOW}, {"api": 4, "cdc:users": 5}))
    effects = await handled(change(source="cdc:users", position=7, whole=True), part=part)
    assert profiles(effects)[b"ann"].source_positions == {"api": 4, "cdc:users": 7}
    assert part.committed == []


async def test_deleted_and_back_in_one_record() -> None:
    part = Part(ann=profile(source_positions={"api": 4}))
    effects = await handled(
        change(source="cdc:users", position=5, deleted=True), change(source="cdc:users", position=7, tags=["new"]), part=part
    )
    assert profiles(effects)[b"ann"].email == ""
    assert [remains(each).positions for each in part.committed] == [{"api": 4, "cdc:users": 5}]


async def test_a_value_that_can_t_be_takes_nothing_else_with_it() -> None:
    effects = await handled(
        change(channels=[], time_zone="Mars/Olympus"), change(position=1, frequency_cap=-2, language="de"), part=Part(ann=profile())
    )
    made = profiles(effects)[b"ann"]
    assert (made.channels, made.time_zone, made.frequency_cap, made.language) == ([], "UTC", 100, "de")
    one = letter(effects)
    assert (one.reason, one.offset, one.step) == ("value_invalid", 9, "profiles")
    assert "ann: time_zone 'Mars/Olympus' is no IANA time zone; ann: frequency_cap -2 is below 0" in one.detail
    assert CODEC.decode(one.value, ProfilesChanged).changes[0].time_zone == "Mars/Olympus"


async def test_later_changes_of_whoever_said_something_wrong_count() -> None:
    wrong = await handled(change(source="cdc:users", position=3, time_zone="X", tags=["a"], whole=True))
    known = profiles(wrong)[b"ann"]
    later = profiles(await handled(change(source="cdc:users", position=5, time_zone="Europe/Oslo", whole=True), part=Part(ann=known)))
    assert (later[b"ann"].time_zone, later[b"ann"].tags) == ("Europe/Oslo", ["a"])
    assert later[b"ann"].source_positions == {"cdc:users": 5}


async def test_a_record_that_is_replayed_corrected_says_only_what_was_left_out() -> None:
    known = profiles(await handled(change(position=3, time_zone="X", tags=["a"])))[b"ann"]
    since = profiles(await handled(change(source="api2", tags=["b"]), part=Part(ann=known)))[b"ann"]
    again = profiles(await handled(change(position=3, time_zone="Europe/Oslo", tags=["a"]), part=Part(ann=since)))[b"ann"]
    assert (again.time_zone, again.tags) == ("Europe/Oslo", ["b"])


STRANGER = next(f"u{number}" for number in range(99) if partition_of(f"u{number}", 8) != HOME)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (change(STRANGER), "wrong_partition"),
        (change(""), "user_invalid"),
        (change("x" * 257), "user_invalid"),
        (change("\u00e5" * 129), "user_invalid"),
        (change(source=""), "value_invalid"),
        (change(position=-1), "value_invalid"),
    ],
)
async def test_a_change_that_can_t_be_is_left_out_and_the_others_count(bad: ProfileChanged, reason: str) -> None:
    effects = await handled(change(email="a@example.com"), bad, change(position=1, channels=[]))
    assert profiles(effects).keys() == {b"ann"}
    assert (profiles(effects)[b"ann"].email, profiles(effects)[b"ann"].channels) == ("a@example.com", [])
    assert letter(effects).reason == reason


async def test_a_record_of_no_changes_is_nothing() -> None:
    assert not await handled()
