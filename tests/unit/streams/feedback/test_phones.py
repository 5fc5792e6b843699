"""Who has a number, by a copy of the profiles: one, a few, more than are looked for first, and more than may be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from streams.feedback.numbers import MOST
from streams.feedback.phones import FEW, Phones
from streams.profiles import replica as replica_module
from streams.profiles.kept import PHONES
from streams.profiles.replica import ProfileReplica
from streams.step.log import LogWriter
from streams.step.partition import StepPartition
from streams.step.store import Store
from tests.unit.streams.make import profile
from tests.unit.streams.profiles.test_replica import CODEC, Bench, FakeTail, Letters, die

NUMBER, OTHER = "+491", "+492"


class Part:
    """As much of a `StepPartition` as is asked."""

    number = 0
    alive: Callable[[], None] = staticmethod(lambda: None)


@pytest.mark.parametrize("count", [0, 1, FEW - 1, FEW, FEW + 1, 40, MOST + 5])
async def test_all_who_have_a_number_are_found_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(replica_module, "Tail", FakeTail)
    store = Store(tmp_path / "db")
    copy = ProfileReplica(store, "nowhere", CODEC, cast(LogWriter, Letters()), die, step="feedback", kept=PHONES)
    copy.follow({0})
    bench = Bench(copy, Letters())
    await bench.begin()
    await bench.apply(*[(f"u{each}", profile(f"u{each}", phone=NUMBER)) for each in range(count)], ("z", profile("z", phone=OTHER)))
    await bench.current()
    monkeypatch.setattr(replica_module, "FRESH_S", 60.0)
    found = await Phones(copy).users_of(cast(StepPartition, cast(Any, Part())), NUMBER)
    assert len(found) == len(set(found)) == min(count, MOST + 1)
    assert set(found) <= {f"u{each}" for each in range(count)}
    store.close()
