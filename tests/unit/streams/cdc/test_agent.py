"""The table step: what becomes of a row, of a tombstone, and of what is no row."""

from typing import cast

import pytest

from schemas.partition import partition_of
from schemas.records import DeadLetter, Device, Output, ProfileChanged, ProfilesChanged
from schemas.registry import MemoryRegistry
from schemas.topics import DLQ, PROFILE_EVENTS, table_topic
from streams.cdc.agent import TableStep
from streams.cdc.loader import load_mappings
from streams.step.model import Input
from streams.step.partition import StepPartition
from tests.unit.streams.cdc.rows import Debezium
from tests.unit.streams.make import NOW, codec

REGISTRY = MemoryRegistry()
CODEC = codec(REGISTRY)
DEBEZIUM = Debezium(REGISTRY)
MAPPINGS = load_mappings()
PARTITIONS = 8


class Part:
    """A partition without tables."""

    def alive(self) -> None:
        """Nobody asks."""


async def outputs(table: str, *values: bytes | None) -> list[Output]:
    topic = table_topic(table)
    batch = [Input(topic, 5, offset, NOW, b"Struct{id=ann}", value, {"h": b"1"}) for offset, value in enumerate(values)]
    step = TableStep(topic, CODEC, lambda: NOW, MAPPINGS[table], PARTITIONS)
    effects = await step.handle(cast(StepPartition, Part()), batch)
    assert effects.writes == []
    return effects.outputs


async def test_a_row_goes_to_its_user_s_partition_under_their_id() -> None:
    rows = [DEBEZIUM.change("devices", "c", 7, user_id=user, token=f"t-{user}", platform="ios") for user in ("ann", "bob", "cid")]
    found = await outputs("devices", *rows)
    assert [(each.topic, each.key, each.partition) for each in found] == [
        (PROFILE_EVENTS, user.encode(), partition_of(user, PARTITIONS)) for user in ("ann", "bob", "cid")
    ]
    (change,) = CODEC.decode(found[0].value, ProfilesChanged).changes
    assert change == ProfileChanged("ann", "cdc:devices", 4 * 7 + 2, 1_700_000_000_007, add_devices=[Device("ios", "t-ann")])


async def test_a_tombstone_says_nothing() -> None:
    assert await outputs("customers", None) == []


async def test_the_delete_before_it_does() -> None:
    (output,) = await outputs("customers", DEBEZIUM.change("customers", "d", 9, id="ann"), None)
    assert CODEC.decode(output.value, ProfilesChanged).changes[0].deleted


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"garbage", "bad_magic"),
        (b"", "truncated"),
        (DEBEZIUM.change("customers", "c", 1, id="ann")[:-3], "truncated"),
        (DEBEZIUM.change("customers", "c", 1, id="ann") + b"x", "malformed"),
        (DEBEZIUM.change("customers", "x", 1, id="ann"), "row_invalid"),
        (DEBEZIUM.change("customers", "c", -1, id="ann"), "row_invalid"),
        (DEBEZIUM.change("customers", "c", 1, id=""), "row_invalid"),
        (DEBEZIUM.change("customers", "c", 1, id="x" * 257), "user_invalid"),
        (DEBEZIUM.change("devices", "c", 1, user_id="ann", token="t", platform="ios"), "row_invalid"),
        (CODEC.encode(ProfilesChanged([])), "row_invalid"),
    ],
)
async def test_what_is_no_row_is_kept_with_its_bytes_and_its_neighbours_go_on(value: bytes, reason: str) -> None:
    good = DEBEZIUM.change("customers", "c", 2, id="bob")
    before, letter, after = await outputs("customers", good, value, good)
    assert before == after
    assert before.topic == PROFILE_EVENTS
    assert letter.topic == DLQ
    kept = CODEC.decode(letter.value, DeadLetter)
    assert (kept.reason, kept.value, kept.key, kept.headers) == (reason, value, b"Struct{id=ann}", {"h": b"1"})
    assert (kept.topic, kept.partition, kept.offset, kept.step) == ("cdc.customers", 5, 1, "cdc.customers")
