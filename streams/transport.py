"""Faust's Kafka transport, with another way to fetch: group, assignment, flow and commits stay Faust's (docs/adr/0010)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from confluent_kafka import Message
from faust.transport.drivers import aiokafka
from faust.types import TP, AppT
from faust.types.tuples import ConsumerMessage

from streams.fetching import Fetching
from streams.step.lease import Lease
from streams.step.partition import Die


class LeasedThread(aiokafka.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Where aiokafka's client lives, which sends the heartbeats."""

    async def on_start(self) -> None:
        """Make the client."""
        await super().on_start()
        note_heartbeats(self._ensure_consumer()._coordinator, self.transport.lease)


class LogConsumer(aiokafka.Consumer):  # type: ignore[misc]
    """Reads where Faust has sought, and not before: what it was assigned is paused in aiokafka, which fetches nothing."""

    transport: "LogTransport"

    async def on_start(self) -> None:
        """Open the connection that fetches."""
        self._fetching = Fetching(self.transport.bootstrap, self.app.conf.id, asyncio.get_running_loop(), self.transport.die)
        await super().on_start()

    def _new_consumer_thread(self) -> LeasedThread:
        return LeasedThread(self, loop=self.loop, beacon=self.beacon)

    async def on_stop(self) -> None:
        """Fetch no more."""
        await super().on_stop()
        await asyncio.to_thread(self._fetching.stop)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Before anything else, keep aiokafka from fetching."""
        self._thread._ensure_consumer().pause(*(TopicPartition(*tp) for tp in assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """All of them, in Faust's kind of rebalance. When the app is stopping Faust tells nobody, and what waits would be worked on while
        it is somebody else's already (fault run 1001).
        """
        self._fetching.begin({})
        if self.app.should_stop:
            await self.transport.give_up()
            self._unacked_messages.clear()
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """To the committed offsets, or the first ones: what was fetched and not acknowledged is fetched again."""
        await super().perform_seek()
        self._fetching.begin({tuple(tp): self._read_offset[tp] for tp in self.assignment()})

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Of tables, in recovery. We have none."""
        raise NotImplementedError("partitions are read from where the group has committed")

    async def _seek(self, partition: TP, offset: int) -> None:
        raise NotImplementedError("partitions are read from where the group has committed")

    def on_buffer_drop(self, tp: TP) -> None:
        """There is room for records of this partition again."""
        super().on_buffer_drop(tp)
        self._fetching.look()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """There is somebody for records of these partitions again."""
        super().resume_partitions(tps)
        self._fetching.look()

    def highwater(self, tp: TP) -> int:
        """Unknown: for Faust's monitor, which nobody looks at (`streams.health` asks the broker)."""
        return 0

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust complains here when aiokafka fetches nothing."""

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Message]]:
        consumer = self._thread._ensure_consumer()
        if consumer._closed:
            raise aiokafka.ConsumerStoppedError
        with consumer._subscription.fetch_context():  # whoever fetches nothing for long has to leave the group
            taken = await self._fetching.take(active_partitions or (), timeout)
        return {TP(*place): messages for place, messages in taken.items()}

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        kind, timestamp = record.timestamp()
        return ConsumerMessage(
            tp.topic, tp.partition, record.offset(), timestamp / 1000, kind, record.headers(), record.key(), record.value(),
            None, None, None, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip


class LogTransport(aiokafka.Transport):  # type: ignore[misc]
    """`lease` is proven by the heartbeats. `die` ends the process when nothing can be fetched; `give_up` ends all work on the partitions,
    in a rebalance during a stop.
    """

    Consumer = LogConsumer

    def __init__(self, app: AppT, bootstrap: str, lease: Lease, die: Die) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.bootstrap = bootstrap
        self.lease = lease
        self.die = die
        self.give_up: Callable[[], Awaitable[None]] = _nothing


async def _nothing() -> None:
    pass


def note_heartbeats(coordinator: GroupCoordinator, lease: Lease) -> None:
    """Let each heartbeat that is answered well prove the lease: aiokafka tells nobody."""
    beat = coordinator._do_heartbeat

    async def noted() -> bool:
        asked_at = time.monotonic()
        answered: bool = await beat()
        if answered:
            lease.prove(asked_at)
        return answered

    coordinator._do_heartbeat = noted
