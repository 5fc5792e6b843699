"""Addresses that a provider said are of no more use: taken out of the profile by the same commit that says so. Pure."""

from collections.abc import Iterable, Sequence

from providers.base import Message, Rejected
from providers.base import Outcome as Answer
from schemas.records import DeadAddress, DeliverBatch, LedgerEntry, ProfileChanged, ProfilesChanged

SOURCE = "delivery"
STOPPED = frozenset({"opted_out", "stopped"})
"""Reasons of refusals that say that the user wants no more, not that there is nobody."""


def dead_of(messages: Sequence[Message], answers: Iterable[Answer], channel: str) -> list[DeadAddress]:
    """The addresses that are dead by the answers to some messages of one channel."""
    return [
        DeadAddress(message.user_id, message.address, _reason(channel, answer))
        for message, answer in zip(messages, answers, strict=True)
        if isinstance(answer, Rejected) and answer.address_dead
    ]


def taken_out(batch: DeliverBatch, entry: LedgerEntry) -> ProfilesChanged | None:
    """What is said to the profiles of a finished batch: the same bytes whenever it is told; None: nothing."""
    by_user: dict[str, list[DeadAddress]] = {}
    for each in entry.dead:
        by_user.setdefault(each.user_id, []).append(each)
    if not by_user:
        return None
    return ProfilesChanged([_change(user, dead, batch.channel, entry.finished_at or 0) for user, dead in by_user.items()])


def _change(user: str, dead: Sequence[DeadAddress], channel: str, at: int) -> ProfileChanged:
    """A device is removed, and not used if a table says it again. The time counts up as positions must: batches of a user end apart."""
    return ProfileChanged(
        user_id=user,
        source=SOURCE,
        source_position=at,
        occurred_at=at,
        remove_devices=[each.address for each in dead] if channel == "push" else [],
        suppress={each.address: each.reason for each in dead},
    )


def _reason(channel: str, answer: Rejected) -> str:
    if answer.reason in STOPPED:
        return "stop"
    return "dead_token" if channel == "push" else "hard_bounce"
