"""Until when partitions are ours."""

import asyncio

from streams.step.lease import Lease


class Clock:
    """Monotonic seconds, set by the test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_lasts_for_most_of_a_session_from_when_the_heartbeat_was_sent() -> None:
    clock = Clock()
    lease = Lease(10.0, clock)
    clock.now += 8.0
    assert not lease.lapsed()
    clock.now += 0.1
    assert lease.lapsed()
    lease.prove(asked_at=104.0)
    assert not lease.lapsed()
    clock.now = 112.1
    assert lease.lapsed()


def test_a_heartbeat_that_was_answered_long_after_it_was_sent_proves_nothing() -> None:
    """A process that was suspended in between reads the answer when it wakes."""
    clock = Clock()
    lease = Lease(10.0, clock)
    clock.now += 20.0
    lease.prove(asked_at=101.0)
    assert lease.lapsed()


def test_a_batch_may_take_half_a_session() -> None:
    assert Lease(30.0).stall_s == 15.0


async def test_who_waits_for_it_goes_on_when_it_is_proven() -> None:
    clock = Clock()
    lease = Lease(10.0, clock)
    clock.now += 9.0
    waiting = asyncio.create_task(lease.current())
    await asyncio.sleep(0)
    assert not waiting.done()
    lease.prove(clock.now)
    async with asyncio.timeout(10):
        await waiting
