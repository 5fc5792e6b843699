"""One slice of a batch: profiles read, the intent written, providers called, and the next ones for what those before could not send.

Only what was certainly not sent goes to another provider: who may have been reached is never asked for again elsewhere, but where policy
has it made again. The ledger says who is asked before they are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial

from providers.base import Outcome as Answer
from providers.catalogue import Templates
from schemas.records import DeliverBatch, LedgerEntry, Outcome, Output
from schemas.refs import ref_of_batch
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.delivery.drafts import Draft, Drafter, Render, not_sent
from streams.delivery.gates import passed
from streams.delivery.granted import Granted
from streams.delivery.ledger import Result, called, intending, recorded
from streams.delivery.retries import THROTTLED, UNAVAILABLE
from streams.delivery.rules import results_of, unsent
from streams.delivery.shares import Shares
from streams.policy.policy import InForce
from streams.policy.rules import CANCELLED
from streams.profiles.replica import ProfileReplica
from streams.step.partition import StepPartition
from streams.step.turns import Turns

INTENT_MS = 250
"""After so long between reading profiles and having the intent they are read again."""
SHORT = 20
"""Recipients that are read and drafted in well under a ms."""

SHUT = Result(Outcome("failed", UNAVAILABLE, "it is taken for down"), "", -1)
"""Of whom nothing was read, written or sent."""

Save = Callable[[StepPartition, DeliverBatch, LedgerEntry, Sequence[Output]], Awaitable[None]]
"""Makes an entry durable, and records with it."""
Grants = Mapping[str, Granted]
"""What was granted of the day of each provider that has a limit for it."""


class Slices:
    """Of one deliver topic."""

    def __init__(
        self,
        shares: Shares,
        caller: Caller,
        templates: Templates,
        clock: Callable[[], int],
        in_force: InForce,
        replica: ProfileReplica,
        cancels: Cancels,
        turns: Turns,
        save: Save,
    ) -> None:
        """`clock`: epoch ms."""
        self._shares, self._caller, self._templates, self._clock = shares, caller, templates, clock
        self._in_force, self._replica, self._cancels, self._turns, self._save = in_force, replica, cancels, turns, save

    async def send(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry) -> LedgerEntry:
        """Send to the next of those without a result: the entry with theirs, which is not durable yet."""
        await self._shares.opened(part.alive)
        left = (_message(batch, index) for index in range(entry.done, len(batch.users)))
        return await self._slice_of(part, batch, entry, self._shares.chosen(left, called(entry)[entry.done :]))

    async def _slice_of(self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry, providers: list[str]) -> LedgerEntry:
        """Send to those that follow `done`, each by their provider, and what it can't send by the next: the entry with their results."""
        results: dict[int, Result] = {}
        tried: dict[int, list[str]] = {}
        asking: Sequence[int] = range(len(providers))
        while asking:
            answered, left = await self._attempt(part, batch, entry, providers, asking)
            results.update(answered)
            asking = again = list[int]()
            for number in left:
                tried.setdefault(number, []).append(providers[number])
                following = self._elsewhere(batch, entry, entry.done + number, tried[number])
                if following is not None:
                    providers[number] = following
                    again.append(number)
        return recorded(entry, [results[number] for number in range(len(providers))], providers, self._clock())

    def _elsewhere(self, batch: DeliverBatch, entry: LedgerEntry, index: int, tried: Sequence[str]) -> str | None:
        """Who may send to them instead: nobody, where an attempt that left no result may have reached them, but where policy resends it."""
        if index < entry.intended and not self._in_force().resends_unknown(batch.notification):
            return None
        return self._shares.after(_message(batch, index), tried)

    async def _attempt(
        self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry, providers: Sequence[str], asking: Sequence[int]
    ) -> tuple[dict[int, Result], list[int]]:
        """Send to `asking` of the slice by their providers: the result of each, and who was certainly not sent to."""
        groups: dict[str, list[int]] = {}
        for number in asking:
            groups.setdefault(providers[number], []).append(number)
        over = {number: result for name in sorted(groups) if (result := self._over(part, name)) for number in groups.pop(name)}
        if not groups:
            return over, list(over)
        async with AsyncExitStack() as turns:
            for name in sorted(groups):  # all in one order: nobody waits for who waits for them
                await turns.enter_async_context(self._caller.turn(part, self._shares.provider(name), len(groups[name])))
            async with AsyncExitStack() as ways:
                shut = [name for name in sorted(groups) if not await ways.enter_async_context(self._passed(part, name, groups[name]))]
                results = over | {number: SHUT for name in shut for number in groups.pop(name)}
                left = list(results)
                drafts, grants = await self._intended(part, batch, entry, providers, groups)
            sent = [self._sent(part, name, [drafts[number] for number in some], grants) for name, some in groups.items()]
            answers = await asyncio.gather(*sent)
        for some, answer in zip(groups.values(), answers, strict=True):
            mine = [drafts[number] for number in some]
            results.update(zip(some, results_of(mine, answer, batch.channel), strict=True))
            left += [some[number] for number in unsent(mine, answer)]
        return results, left

    def _passed(self, part: StepPartition, name: str, asking: Sequence[int]) -> AbstractAsyncContextManager[bool]:
        """The turn of some on the way to a provider's account; False: it is shut."""
        return passed(self._shares.gate(name), len(asking), part.alive)

    def _over(self, part: StepPartition, name: str) -> Result | None:
        """The result of who is not even read, as nothing is left of the day of a provider."""
        if not self._shares.days.is_over(part.number, name):
            return None
        over = self._shares.days.over()
        return Result(Outcome("failed", THROTTLED, over.detail), "", -1, over.retry_after_ms)

    async def _intended(
        self, part: StepPartition, batch: DeliverBatch, entry: LedgerEntry, providers: Sequence[str], groups: Mapping[str, Sequence[int]]
    ) -> tuple[dict[int, Draft], Grants]:
        """The drafts of those in `groups`, by provider, under an intent that is durable, as is what they are granted."""
        asking = [number for some in groups.values() for number in some]
        began, indexes = self._clock(), [entry.done + number for number in asking]
        drafts = await self._drafted(part, batch, entry.source_offset, indexes)
        grants = self._grants(part, groups, dict(zip(asking, drafts, strict=True)))
        if any(each.messages for each in drafts) and (grants or not self._shares.repeatable):
            await self._save(part, batch, intending(entry, providers), [self._shares.days.record(part.number)] if grants else [])
            if not began <= self._clock() <= began + INTENT_MS:  # opinions may have changed while the intent became durable
                drafts = await self._drafted(part, batch, entry.source_offset, indexes)
        return dict(zip(asking, drafts, strict=True)), grants

    def _grants(self, part: StepPartition, groups: Mapping[str, Sequence[int]], drafts: Mapping[int, Draft]) -> Grants:
        days, limited = self._shares.days, [name for name in groups if self._shares.days.limit(self._shares.provider(name))]
        messages = {name: [message for number in groups[name] for message in drafts[number].messages] for name in limited}
        return {name: Granted(days, part.number, self._shares.provider(name), some) for name, some in messages.items()}

    async def _sent(self, part: StepPartition, name: str, drafts: Sequence[Draft], grants: Grants) -> Sequence[Answer]:
        """The answers to all messages of some drafts."""
        messages = [message for each in drafts for message in each.messages]
        if name in grants:
            return await grants[name].sent(messages, partial(self._caller.call, part, self._shares.provider(name)))
        return await self._caller.call(part, self._shares.provider(name), messages) if messages else []

    async def _drafted(self, part: StepPartition, batch: DeliverBatch, offset: int, indexes: Sequence[int]) -> list[Draft]:
        """The drafts of some of the batch at `offset`, by cancels and profiles that are current; those of many recipients take turns."""
        await self._cancels.current(part.number, alive=part.alive)
        await self._replica.current(part.number, alive=part.alive)
        if len(indexes) <= SHORT:
            return self._drafts(part.number, batch, offset, indexes)
        async with self._turns:
            return self._drafts(part.number, batch, offset, indexes)

    def _drafts(self, partition: int, batch: DeliverBatch, offset: int, indexes: Sequence[int]) -> list[Draft]:
        notification, now = batch.notification, self._clock()
        ref = ref_of_batch(batch.channel, notification.priority, partition, offset)
        known = self._replica.get_many(partition, [batch.users[index] for index in indexes])
        if self._cancels.has(partition, notification.notification_id):
            return [not_sent(CANCELLED, offset) for _, offset in known]
        drafter = Drafter(batch, self._in_force().of(notification), self._render(batch), now, ref=ref)
        return [drafter.draft(index, *each) for index, each in zip(indexes, known, strict=True)]

    def _render(self, batch: DeliverBatch) -> Render:
        wanted = batch.notification
        return partial(self._templates.render, wanted.template_id, batch.channel, version=wanted.template_version)


def _message(batch: DeliverBatch, index: int) -> str:
    """What a provider is chosen by; of each recipient, not of each device: these answer together for one outcome."""
    return f"{batch.batch_id}.{index}"
