"""The profile step: one record of changes, all or nothing."""

from typing import cast

import pytest

from schemas.partition import partition_of
from schemas.records import DeadLetter, Profile, ProfileChanged, ProfilesChanged
from schemas.topics import DLQ
from streams.profiles.agent import ProfileStep
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from tests.unit.streams.make import NOW, change, codec, profile

CODEC = codec()
HOME = partition_of("ann", 8)


class Part:
    def __init__(self, **rows: Profile | bytes) -> None:
        self._rows = {user: value if isinstance(value, bytes) else CODEC.encode(value) for user, value in rows.items()}

    def get(self, table: str, key: bytes) -> bytes | None:
        return self._rows.get(key.decode())

    def alive(self) -> None:
        """Nobody asks."""


async def handled(*changes: ProfileChanged, part: Part | None = None, offset: int = 9) -> Effects:
    value = CODEC.encode(ProfilesChanged(list(changes)))
    record = Input("notify.profile-events", HOME, offset, NOW, b"ann", value, {})
    return await ProfileStep(CODEC, lambda: NOW, 8).handle(cast(StepPartition, part or Part()), [record])


def reason(effects: Effects) -> str:
    (output,) = effects.outputs
    assert output.topic == DLQ
    return CODEC.decode(output.value, DeadLetter).reason


async def test_changes_of_one_record_build_on_each_other() -> None:
    effects = await handled(change(email="a@example.com"), change(tags=["x"]), part=Part(ann=profile(language="de")))
    (write,) = effects.writes
    made = CODEC.decode(write.value, Profile)
    assert (write.key, made.email, made.tags, made.language, made.applied_offset) == (b"ann", "a@example.com", ["x"], "de", 9)
    assert effects.outputs == []


async def test_a_deleted_user_leaves_a_tombstone() -> None:
    (write,) = (await handled(change(deleted=True), part=Part(ann=profile()))).writes
    assert (write.key, write.value) == (b"ann", None)


async def test_a_user_of_another_partition_refuses_the_whole_record() -> None:
    stranger = next(f"u{number}" for number in range(99) if partition_of(f"u{number}", 8) != HOME)
    effects = await handled(change(email="a@example.com"), change(stranger))
    assert effects.writes == []
    assert reason(effects) == "wrong_partition"


@pytest.mark.parametrize("user", ["", "x" * 257, "å" * 129])
async def test_a_user_without_a_usable_id_is_refused(user: str) -> None:
    effects = await handled(change(user))
    assert effects.writes == []
    assert reason(effects) == "user_invalid"


async def test_a_record_of_no_changes_is_nothing() -> None:
    assert not await handled()
