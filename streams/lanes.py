"""Ties steps to a Faust app: which partitions it has, one runner for each, and what arrives to its runner.

Faust gives the consumer group, rebalances, flow control and commits, `streams.fetching` the records; the crash-safe part is `streams.step`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import faust
from faust.types import TP, EventT, StreamT

from schemas.codec import Codec
from streams.health.rules import Held, Place
from streams.health.signs import WatchedPartition
from streams.step.gaps import GapGuard
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.partition import Die
from streams.step.reader import LogReader
from streams.step.runner import PartitionRunner, make_journal
from streams.step.step import Step, TellingStep
from streams.step.store import Store

SETTLE_S = 30.0
GIVE_UP_S = 10.0
"""A batch that takes longer is ended at its next await, as by a kill."""

logger = logging.getLogger(__name__)


class Lanes:
    """The runners of one app."""

    def __init__(
        self,
        app: faust.App,
        steps: dict[str, Step],
        *,
        store: Store,
        log: LogWriter,
        reader: LogReader,
        codec: Codec,
        die: Die,
        lease: Lease,
        on_assigned: Callable[[set[int]], None],
        on_ready: Callable[[], None],
    ) -> None:
        """`steps`: the step of each input topic. `on_assigned` is told the partition numbers this process works on from now on,
        `on_ready` is called when each of them has recovered.
        """
        self._app = app
        self._steps = steps
        self._store = store
        self._log = log
        self._reader = reader
        self._codec = codec
        self._die = die
        self._lease = lease
        self._on_assigned = on_assigned
        self._on_ready = on_ready
        self._runners: dict[TP, PartitionRunner] = {}
        self._parts: dict[TP, WatchedPartition] = {}
        self._settled = asyncio.Event()
        for topic, step in steps.items():
            self._agent(topic, step)
        app.on_partitions_revoked.connect(self._revoked)
        app.on_partitions_assigned.connect(self._assigned)
        app.on_rebalance_complete.connect(self._hold_flow)
        app.transport.give_up = self._give_up

    @property
    def topics(self) -> Sequence[str]:
        """What this app reads."""
        return list(self._steps)

    def held(self) -> Mapping[Place, Held]:
        """The partitions in hand, as the watchdog sees them; callable from any thread."""
        return {(tp.topic, tp.partition): self._parts[tp].held(runner.recovered.is_set()) for tp, runner in list(self._runners.items())}

    def figures(self) -> Mapping[str, Mapping[str, int]]:
        """What steps tell of themselves; callable from any thread."""
        held = list(self._runners)
        return {
            step.name: step.figures({tp.partition for tp in held if tp.topic == topic})
            for topic, step in self._steps.items()
            if isinstance(step, TellingStep)
        }

    def _agent(self, topic: str, step: Step) -> None:
        source = self._app.topic(topic, key_serializer="raw", value_serializer="raw", allow_empty=True)

        async def agent(stream: StreamT) -> None:
            # acks are the runner's: after its effects are durable, in order
            async for event in stream.noack().events():
                self._put(event)

        self._app.agent(source, name=f"agent.{step.name}", concurrency=1)(agent)

    def _put(self, event: EventT) -> None:
        runner = self._runners.get(event.message.tp)
        if runner:  # else it was revoked meanwhile: it comes again to whoever has it now
            runner.put(event)

    async def _assigned(self, app: faust.App, assigned: set[TP], **kwargs: object) -> None:
        await self._stop()
        mine = {tp for tp in assigned if tp.topic in self._steps}
        self._on_assigned({tp.partition for tp in mine})
        for tp in mine:
            self._runners[tp] = self._runner(tp)
            self._runners[tp].start(self._reader)
        self._settled.set()
        self._app.add_future(self._say_when_ready(list(self._runners.values())))

    async def _say_when_ready(self, runners: Sequence[PartitionRunner]) -> None:
        for runner in runners:
            await runner.recovered.wait()
        self._on_ready()

    async def _revoked(self, app: faust.App, revoked: set[TP], **kwargs: object) -> None:
        self._settled.clear()
        await self._stop()

    async def _give_up(self) -> None:
        """End what was begun, and begin nothing more: the others wait for that before they have our partitions."""
        runners = list(self._runners.values())
        for runner in runners:
            runner.forget()
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S):
                for runner in runners:
                    await runner.idle.wait()
        await self._stop()

    async def _stop(self) -> None:
        runners, self._runners = list(self._runners.values()), {}
        for runner in runners:
            await runner.stop()

    async def _hold_flow(self, app: faust.App, **kwargs: object) -> None:
        """Faust resumes the flow before it has sought the committed offsets, and what arrives in between is lost (docs/adr/0001, B1).

        So the flow stays shut here until there is a runner for each partition; recovery opens it itself once it has sought.
        """
        app.consumer.stop_flow()
        app.flow_control.suspend()
        async with asyncio.timeout(SETTLE_S):
            await self._settled.wait()

    def _runner(self, tp: TP) -> PartitionRunner:
        step = self._steps[tp.topic]
        part = WatchedPartition(tp.partition, step.tables, self._store, self._log, self._die, self._lease)
        self._parts[tp] = part
        return PartitionRunner(
            step,
            part,
            make_journal(step, tp.partition, self._codec, self._log),
            GapGuard(self._reader, tp.topic, tp.partition, self._die),
            self._die,
            lambda full: self._pressure(tp, full),
        )

    def _pressure(self, tp: TP, full: bool) -> None:
        if full:
            self._app.consumer.on_buffer_full(tp)
        else:
            self._app.consumer.on_buffer_drop(tp)
