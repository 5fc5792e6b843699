"""Slots at a provider: never more than there are, first come first served, and nothing is lost to whoever gives up."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery import slots as slots_module
from streams.delivery.slots import Slots


class Takers:
    """Takes slots in tasks, and lets them go when told."""

    def __init__(self, size: int) -> None:
        self.slots = Slots(size)
        self.entered: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def start(self, name: int, count: int) -> None:
        self.gates[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._take(name, count))
        await spin()

    async def _take(self, name: int, count: int) -> None:
        async with self.slots.taken(count, quiet):
            self.entered.append(name)
            await self.gates[name].wait()

    async def end(self, name: int) -> None:
        self.gates[name].set()
        await spin()

    async def cancel(self, name: int) -> None:
        self.tasks[name].cancel()
        await spin()

    async def finish(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def quiet() -> None:
    """Nobody hears the signs of life."""


async def spin() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def test_who_fits_enters_and_the_rest_waits_in_line() -> None:
    takers = Takers(4)
    for name, count in enumerate((2, 2, 3, 1)):
        await takers.start(name, count)
    assert takers.entered == [0, 1]
    await takers.end(0)
    assert takers.entered == [0, 1]  # the one that wants three is not passed by the one that wants one
    await takers.end(1)
    assert takers.entered == [0, 1, 2, 3]
    await takers.finish()


async def test_who_wants_more_than_there_are_gets_all() -> None:
    takers = Takers(4)
    await takers.start(0, 400)
    await takers.start(1, 1)
    assert takers.entered == [0]
    await takers.end(0)
    assert takers.entered == [0, 1]
    await takers.finish()


async def test_who_gives_up_waiting_makes_room_for_those_behind() -> None:
    takers = Takers(4)
    for name, count in enumerate((2, 4, 1)):
        await takers.start(name, count)
    assert takers.entered == [0]
    await takers.cancel(1)
    assert takers.entered == [0, 2]
    await takers.finish()


async def test_who_is_cancelled_in_the_moment_of_its_turn_gives_it_on() -> None:
    takers = Takers(1)
    for name in range(3):
        await takers.start(name, 1)
    takers.gates[0].set()
    await asyncio.sleep(0)  # the first lets go, the second's turn is set
    takers.tasks[1].cancel()
    await spin()
    assert takers.entered[-1] == 2
    await takers.finish()


async def test_an_error_inside_gives_the_slots_back() -> None:
    slots = Slots(1)
    with pytest.raises(ZeroDivisionError):
        async with slots.taken(1, quiet):
            raise ZeroDivisionError
    async with asyncio.timeout(1), slots.taken(1, quiet):
        pass


async def test_who_waits_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "SIGN_S", 0.001)
    slots, signs, enough = Slots(1), 0, asyncio.Event()

    def sign() -> None:
        nonlocal signs
        signs += 1
        if signs == 3:
            enough.set()

    async def wait() -> None:
        async with slots.taken(1, sign):
            pass

    async with slots.taken(1, quiet):
        assert signs == 0
        task = asyncio.create_task(wait())
        async with asyncio.timeout(5):
            await enough.wait()
    await task


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(1, 7), st.booleans()), max_size=12))
async def test_there_are_never_more_than_there_are(size: int, wanted: Sequence[tuple[int, bool]]) -> None:
    slots, inside, peaks = Slots(size), 0, [0]

    async def take(count: int) -> None:
        nonlocal inside
        async with slots.taken(count, quiet):
            inside += min(count, size)
            peaks.append(inside)
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                inside -= min(count, size)

    tasks = [asyncio.create_task(take(count)) for count, _ in wanted]
    await asyncio.sleep(0)
    for task, (_, gives_up) in zip(tasks, wanted, strict=True):
        if gives_up:
            task.cancel()
            await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert max(peaks) <= size
    assert [result for result in results if isinstance(result, Exception)] == []
    assert sum(result is None for result in results) >= sum(not gives_up for _, gives_up in wanted)
    async with asyncio.timeout(1), slots.taken(size, quiet):
        pass
