"""The delivery step: one `notify.deliver.<channel>.<priority>` topic to provider calls and statuses.

Killed before the intent is durable: nothing was sent, the batch comes again. Between intent and result: it can't be known what was sent;
those recipients are `unknown`, or sent to again where policy says so (whom the repeat is not sent to is `unknown` all the same). After the
result: the batch comes again, finds its results, and tells the same status in the same bytes.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from providers.base import AnyProvider
from providers.catalogue import Templates
from providers.content import Content
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import DeliverBatch, LedgerEntry, Output, Write
from schemas.topics import STATUS, ledger_topic
from streams.delivery.call import Caller
from streams.delivery.ledger import finished, intending, opened, recorded, settled, status_of
from streams.delivery.rules import Draft, draft, results_of
from streams.policy.policy import Policy
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import dead_letter_output, patiently
from streams.step.turns import Turns

SINGLE_SLICE = 200
"""Recipients under one intent when a provider takes one message a call: at most so many are unknown after a crash."""
BATCHES_AT_ONCE = 4
INTENT_MS = 250
"""After so long between reading profiles and having the intent they are read again."""
SHORT = 20
"""Recipients that are read and drafted in well under a ms."""


class DeliveryStep:
    """Works on a few batches of a partition at once; each goes slice by slice: read profiles, write the intent, call, write the results."""

    max_batch = BATCHES_AT_ONCE
    journal: str | None = None

    def __init__(
        self,
        topic: str,
        provider: AnyProvider,
        caller: Caller,
        templates: Templates,
        codec: Codec,
        clock: Callable[[], int],
        policy: Policy,
        replica: ProfileReplica,
        turns: Turns,
    ) -> None:
        """`provider`: who serves the channel of `topic`. `turns`: shared by all steps of the process."""
        self.name = topic.removeprefix("notify.")
        self.tables: Mapping[str, str] = {self.name: ledger_topic(topic)}
        self._topic = topic
        self._provider = provider
        self._caller = caller
        self._templates = templates
        self._codec = codec
        self._clock = clock
        self._policy = policy
        self._replica = replica
        self._turns = turns
        size = provider.declaration.batch_size
        self._slice = size if size > 1 else SINGLE_SLICE

    async def start(self, partition: int) -> None:
        """Wait until the profiles of the partition are current."""
        await self._replica.ready(partition)

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
        entry = settled(opened(known, record.offset, self._provider.declaration.name), self._resends(batch))
        if entry.finished_at is None:
            entry = await self._work(part, batch, entry)
        status = status_of(batch, entry, record.topic, record.partition)
        key = batch.notification.notification_id.encode()
        return Effects([Output(topic=STATUS, partition=part.number, key=key, value=self._codec.encode(status))])

    def _resends(self, batch: DeliverBatch) -> bool:
        return self._provider.declaration.repeatable or self._policy.resends_unknown(batch.notification)

    async def _work(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry) -> LedgerEntry:
        """Send to everyone the entry has no result for; the finished entry is durable on return.

        Raises Malformed, before anything is sent, when the batch was decided on profiles that do not exist.
        """
        await self._replica.current(part.number, offset=max(batch.profile_offsets, default=-1), alive=part.alive)
        while entry.done < len(batch.users):
            upto = min(len(batch.users), entry.done + self._slice)
            async with self._caller.turn(part, self._provider, upto - entry.done):
                entry = await self._slice_of(part, batch, entry, upto)
        entry = finished(entry, self._clock())
        await self._save(part, batch, entry)
        return entry

    async def _slice_of(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry, upto: int) -> LedgerEntry:
        """Send to those from `done` to `upto`: the entry with their results, which is not durable yet."""
        began = self._clock()
        drafts = await self._drafted(part, batch, entry.done, upto)
        if any(each.messages for each in drafts) and not self._provider.declaration.repeatable:
            await self._save(part, batch, intending(entry, upto))
            if not began <= self._clock() <= began + INTENT_MS:  # opinions may have changed while the intent became durable
                drafts = await self._drafted(part, batch, entry.done, upto)
        messages = [message for each in drafts for message in each.messages]
        answers = await self._caller.call(part, self._provider, messages) if messages else []
        return recorded(entry, results_of(drafts, answers))

    async def _drafted(self, part: StepPartition, batch: DeliverBatch, start: int, stop: int) -> list[Draft]:
        """The drafts of a slice by profiles that are current; those of many recipients take turns."""
        await self._replica.current(part.number, alive=part.alive)
        if stop - start <= SHORT:
            return self._drafts(part.number, batch, start, stop)
        async with self._turns:
            return self._drafts(part.number, batch, start, stop)

    def _drafts(self, partition: int, batch: DeliverBatch, start: int, stop: int) -> list[Draft]:
        notification, now = batch.notification, self._clock()
        binds = self._policy.of(notification)
        known = self._replica.get_many(partition, batch.users[start:stop])
        return [draft(batch, index, *each, binds, partial(self._render, batch, index), now) for index, each in enumerate(known, start)]

    def _render(self, batch: DeliverBatch, index: int, language: str) -> Content:
        wanted = batch.notification
        data = {**wanted.data, **batch.data[index]} if batch.data else wanted.data
        return self._templates.render(wanted.template_id, batch.channel, language, data, version=wanted.template_version)

    async def _save(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry) -> None:
        await part.commit(Effects(writes=[Write(self.name, batch.batch_id.encode(), self._codec.encode(entry))]))
