"""The ledger of one batch: recipients [0, done) have a result, [done, intended) may have been sent to, the rest is untouched. Pure.

An intent is never taken back. So before the intent of a slice [done, intended) are those whom an attempt without a result may have reached:
they are `sent`, if the repeat was, or `unknown`; it is never told that they were not sent to.

It names who was called for each of [0, intended): where it was one provider for all, once.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from schemas import ids
from schemas.coded import coded
from schemas.records import DeadAddress, DeliverBatch, LedgerEntry, Outcome, StatusBatch
from streams.digest.content import IN_APP

CRASHED = Outcome("unknown", "crashed_in_flight", "the worker ended between the intent and the result")

POSSIBLE = ("sent", "unknown")
"""All that can be true of who may have been reached already."""


class Result(NamedTuple):
    """What became of one recipient: outcome, the provider's id of the message, the offset of the profile that was read.

    `wait_ms`: what the provider asked for before it is tried again. `dead`: addresses of theirs that are of no more use.
    """

    outcome: Outcome
    provider_message_id: str
    profile_offset: int
    wait_ms: int = 0
    dead: Sequence[DeadAddress] = ()


def opened(entry: LedgerEntry | None, offset: int) -> LedgerEntry:
    """The entry to go on from: the one there is, or a new one for the deliver record at `offset`."""
    return entry or LedgerEntry(offset, intended=0, done=0)


def settled(entry: LedgerEntry, resend: bool) -> LedgerEntry:
    """The entry to go on with after a crash: whom it left open the next attempt tries again if `resend`, else they are unknown for good."""
    lost = entry.intended - entry.done
    if lost == 0:
        return entry
    if resend:
        return msgspec.structs.replace(entry, attempt=entry.attempt + 1)
    return recorded(entry, [Result(CRASHED, "", -1)] * lost, called(entry)[entry.done :])


def called(entry: LedgerEntry) -> list[str]:
    """The provider of each recipient in [0, intended)."""
    return [entry.providers[number] for number in entry.provider_of] or [entry.provider] * entry.intended


def intending(entry: LedgerEntry, providers: Sequence[str]) -> LedgerEntry:
    """The entry that says: the recipients that follow `done`, one for each of `providers`, may have been sent to from now on, by these."""
    intended = max(entry.intended, entry.done + len(providers))
    return msgspec.structs.replace(_named(entry, providers), intended=intended)


def recorded(entry: LedgerEntry, results: Sequence[Result], providers: Sequence[str], now: int = 0) -> LedgerEntry:
    """The entry with the results at `now` (epoch ms) of the recipients that follow `done`, each by the provider that was asked last.

    `entry` is the one from before their intent. `retry_at` of the new one is no sooner than providers asked for.

    Whom it has as intended all the same, an attempt that left no result may have reached.
    """
    if not results:
        return entry
    entry = _named(entry, providers)
    in_doubt = entry.intended - entry.done
    results = [*map(_doubted, results[:in_doubt]), *results[in_doubt:]]
    outcomes, provider_message_ids, profile_offsets, waits_ms, dead = zip(*results, strict=True)
    numbers = {outcome: number for number, outcome in enumerate(entry.outcomes)}
    outcome_of = [numbers.setdefault(outcome, len(numbers)) for outcome in outcomes]
    done = entry.done + len(results)
    return msgspec.structs.replace(
        entry,
        done=done,
        intended=max(entry.intended, done),
        outcomes=list(numbers),
        outcome_of=entry.outcome_of + outcome_of,
        provider_message_ids=[*entry.provider_message_ids, *provider_message_ids],
        profile_offsets=[*entry.profile_offsets, *profile_offsets],
        dead=[*entry.dead, *chain.from_iterable(dead)],
        retry_at=_no_sooner(entry.retry_at, max(waits_ms), now),
    )


def _no_sooner(known: int | None, wait_ms: int, now: int) -> int | None:
    return max(known or 0, now + wait_ms) if wait_ms else known


def _named(entry: LedgerEntry, providers: Sequence[str]) -> LedgerEntry:
    """The entry with the providers of the recipients that follow `done`; those that it has for others stay."""
    known = called(entry)
    names = [*known[: entry.done], *providers, *known[entry.done + len(providers) :]]
    distinct, provider_of = coded(names)
    if len(distinct) <= 1:
        return msgspec.structs.replace(entry, provider=distinct[0] if distinct else entry.provider, providers=[], provider_of=[])
    return msgspec.structs.replace(entry, provider="", providers=distinct, provider_of=provider_of)


def _doubted(result: Result) -> Result:
    """The result of who may have been reached before: that the repeat was not sent says nothing of the first time."""
    outcome = result.outcome
    if outcome.status in POSSIBLE:
        return result
    detail = f"{CRASHED.detail}; not sent again: {outcome.status} ({outcome.reason})"
    return result._replace(outcome=Outcome(CRASHED.status, CRASHED.reason, detail))


def finished(entry: LedgerEntry, now: int) -> LedgerEntry:
    """The entry of a batch whose last result is known, at `now` (epoch ms)."""
    return msgspec.structs.replace(entry, finished_at=now)


def status_of(batch: DeliverBatch, entry: LedgerEntry, topic: str, partition: int) -> StatusBatch:
    """What is told of a finished batch: the same bytes whenever it is told again."""
    assert entry.finished_at is not None
    return StatusBatch(
        status_id=ids.status_id(batch.batch_id, "delivered"),
        notification=batch.notification,
        channel=batch.channel,
        batch_id=batch.batch_id,
        provider=entry.provider,
        attempt=batch.attempts + entry.attempt,
        users=batch.users,
        outcomes=entry.outcomes,
        outcome_of=entry.outcome_of,
        provider_message_ids=entry.provider_message_ids,
        profile_offsets=entry.profile_offsets,
        policy_version=batch.policy_version,
        at=entry.finished_at,
        caused_by_topic=topic,
        caused_by_partition=partition,
        caused_by_offset=entry.source_offset,
        providers=entry.providers,
        provider_of=entry.provider_of,
        data=batch.data if batch.channel == IN_APP else [],
    )
