"""The delivery step: one `notify.deliver.<channel>.<priority>` topic to provider calls and statuses.

Killed before the intent is durable: nothing was sent, the batch comes again. Between intent and result: it can't be known what was sent;
those recipients are `unknown`, or sent to again where policy says so (whom the repeat is not sent to is `unknown` all the same). After the
result: the batch comes again, finds its results, and tells the same status in the same bytes, with what is given back of it, who is handed
back, and what the audience step is told of those who may be tried on another channel.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence

from providers.catalogue import Templates
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import DeliverBatch, LedgerEntry, Output, Write
from schemas.topics import ledger_topic
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.delivery.ledger import opened, settled
from streams.delivery.outputs import outputs_of
from streams.delivery.retries import ended
from streams.delivery.shares import Shares
from streams.delivery.slices import Slices
from streams.policy.policy import InForce
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import dead_letter_output, patiently
from streams.step.turns import Turns

BATCHES_AT_ONCE = 4


class DeliveryStep:
    """Works on a few batches of a partition at once; each goes slice by slice: read profiles, write the intent, call, write the results."""

    max_batch = BATCHES_AT_ONCE
    journal: str | None = None

    def __init__(
        self,
        topic: str,
        shares: Shares,
        caller: Caller,
        templates: Templates,
        codec: Codec,
        clock: Callable[[], int],
        in_force: InForce,
        replica: ProfileReplica,
        cancels: Cancels,
        turns: Turns,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`shares`: who serve the channel of `topic`. `turns`: shared by all steps of the process. `draw`: of [0, 1), for waits."""
        self.name = topic.removeprefix("notify.")
        self.tables: Mapping[str, str] = {self.name: ledger_topic(topic)}
        self._topic = topic
        self._shares = shares
        self._codec = codec
        self._clock = clock
        self._in_force = in_force
        self._replica = replica
        self._draw = draw
        self._slices = Slices(shares, caller, templates, clock, in_force, replica, cancels, turns, self._save)

    def figures(self, partitions: Collection[int]) -> Mapping[str, int]:
        """What each provider is worth now, in percent of its weight; the same for all partitions."""
        return self._shares.figures()

    async def start(self, partition: int) -> None:
        """Wait until the profiles of the partition are current, and it is known what was sent today."""
        await self._replica.ready(partition)
        await self._shares.days.ready(partition)

    def together(self, waiting: Sequence[Input]) -> int:
        """All of them."""
        return len(waiting)

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        """Deliver the batches; what is left to do is to tell the statuses."""
        # two copies of one batch (a decision step that crashed wrote it twice) must not be worked on side by side
        by_key: dict[bytes | None, list[Input]] = {}
        for record in batch:
            by_key.setdefault(record.key, []).append(record)
        effects = Effects()
        for told in await asyncio.gather(*(self._in_turn(part, records) for records in by_key.values())):
            effects.add(told)
        return effects

    async def _in_turn(self, part: StepPartition, records: Sequence[Input]) -> Effects:
        effects = Effects()
        for record in records:
            effects.add(await self._one(part, record))
        return effects

    async def _one(self, part: StepPartition, record: Input) -> Effects:
        try:
            return await self._deliver(part, record)
        except RecordRefused as error:
            return Effects([dead_letter_output(self._codec, self.name, record, error, self._clock())])

    async def _deliver(self, part: StepPartition, record: Input) -> Effects:
        batch = await patiently(part, lambda: self._codec.decode(record.value, DeliverBatch))
        value = part.get(self.name, batch.batch_id.encode())
        known = self._codec.decode(value, LedgerEntry) if value is not None else None
        if known and known.source_offset != record.offset:
            return Effects()  # delivered from another record: this is its repetition
        entry = settled(opened(known, record.offset), self._resends(batch))
        if entry.finished_at is None:
            entry = await self._work(part, batch, entry)
        return Effects(outputs_of(self._codec, batch, entry, record))

    def _resends(self, batch: DeliverBatch) -> bool:
        return self._shares.repeatable or self._in_force().resends_unknown(batch.notification)

    async def _work(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry) -> LedgerEntry:
        """Send to everyone the entry has no result for; the finished entry is durable on return.

        Raises Malformed, before anything is sent, when the batch was decided on profiles that do not exist.
        """
        await self._replica.current(part.number, offset=max(batch.profile_offsets, default=-1), alive=part.alive)
        while entry.done < len(batch.users):
            entry = await self._slices.send(part, batch, entry)
        entry = ended(entry, batch, self._in_force().of(batch.notification).retry, self._clock(), self._draw())
        await self._save(part, batch, entry)
        return entry

    async def _save(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry, outputs: Sequence[Output] = ()) -> None:
        await part.commit(Effects(list(outputs), [Write(self.name, batch.batch_id.encode(), self._codec.encode(entry))]))
