"""Four workers at one account, and all that takes its time between gate and wire: what arrives in each second, in simulated time."""

import asyncio
import random
from collections import Counter
from itertools import repeat

import pytest

from providers.base import Accepted, Declaration
from streams.delivery.gate import Gate
from streams.delivery.gates import passed
from streams.routing.limits import REACH_MS
from tests.unit.streams.delivery.virtual import now_ms, run

WORKERS, SECONDS, AT_ONCE = 4, 20, 8


class Provider:
    """Counts what arrives in each second of its clock, some time after it was sent, and stands still every now and then."""

    def __init__(self, draw: random.Random, still_s: float) -> None:
        self.seconds = Counter[int]()
        self.draw, self.still_s = draw, still_s
        self.next_ms, self.until_ms = now_ms(), 0.0

    async def take(self, count: int) -> None:
        await asyncio.sleep(self.draw.uniform(0.001, REACH_MS / 1000 - 0.001))
        await asyncio.sleep(self.stands_still_for_s())
        self.seconds[now_ms() // 1000] += count
        await asyncio.sleep(self.draw.lognormvariate(-4.5, 0.8))

    def stands_still_for_s(self) -> float:
        now = now_ms()
        if self.still_s and now >= self.next_ms:
            self.until_ms = now + 1000 * self.draw.expovariate(1 / self.still_s)
            self.next_ms = now + round(self.draw.uniform(1_500, 2_500))
        return max(0.0, self.until_ms - now) / 1000


async def work(gate: Gate, provider: Provider, intent_s: float) -> None:
    """One batch after the other, slice by slice: the intent, then the requests."""
    for _ in repeat(None):
        count = gate.most(1_000, 1_000)
        async with passed(gate, count, lambda: None) as is_open:
            assert is_open
            await asyncio.sleep(provider.draw.lognormvariate(0.0, 0.8) * intent_s)
        size = gate.request_size(1_000)
        await asyncio.gather(*(send(gate, provider, min(size, count - start)) for start in range(0, count, size)))


async def send(gate: Gate, provider: Provider, count: int) -> None:
    async with gate.turn(count) as refusal:
        assert refusal is None
        await provider.take(count)
        gate.heard([Accepted("p")] * count)


async def drained(per_s: int, intent_s: float, seed: int, still_s: float = 0.0) -> list[int]:
    """Messages in each whole second."""
    draw = random.Random(seed)
    provider = Provider(draw, still_s)
    declaration = Declaration(name="a", channel="push", rate_per_s=per_s)
    tasks = []
    for _ in range(WORKERS):
        gate = Gate(declaration, lambda limit: limit / WORKERS, now_ms, draw.random)
        tasks += [asyncio.create_task(work(gate, provider, intent_s)) for _ in range(AT_ONCE)]
        await asyncio.sleep(draw.uniform(0, 0.3))
    done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    assert not done
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return [count for _, count in sorted(provider.seconds.items())]


@pytest.mark.parametrize(
    ("per_s", "intent_s", "still_s"), [(2_000, 0.02, 0), (2_000, 0.1, 0), (400, 0.05, 0), (2_000, 0.05, 0.05), (2_000, 0.05, 0.1)]
)
def test_never_over_and_at_least_95_percent_used(per_s: int, intent_s: float, still_s: float) -> None:
    seconds = run(drained(per_s, intent_s, per_s, still_s))
    whole = seconds[2:-1]
    assert len(whole) > SECONDS - 5
    assert max(seconds) <= per_s
    assert sum(whole) / len(whole) >= 0.95 * per_s


def test_a_rate_that_is_not_a_whole_number_a_worker_is_not_exceeded() -> None:
    seconds = run(drained(30, 0.05, seed=1))
    assert max(seconds) <= 30
    assert sum(seconds[2:-1]) / len(seconds[2:-1]) >= 26
