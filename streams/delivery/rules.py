"""From recipients to messages, and from what the provider said to statuses. Pure."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from providers.base import Accepted, Message, Rejected, Throttled, Unavailable, Unknown
from providers.base import Outcome as Answer
from providers.content import Content
from providers.errors import ProviderError
from schemas.records import DeliverBatch, Outcome, Profile
from streams.delivery.ledger import Result
from streams.policy.decision import DEFERRED, QUIET_HOURS
from streams.policy.policy import CategoryPolicy
from streams.policy.quiet import in_words, quiet_until
from streams.policy.rules import SEND, addresses, outcome_of, reason_against

Render = Callable[[str], Content]
"""Language to content."""

SENT = Outcome("sent")
DECIDED_MS = 10_000
"""A younger decision on quiet hours stands: by another clock, profile or policy people would go to and fro without a pause."""
MAX_DETAIL = 200
# the best that happened on any of a user's devices is what happened to the user
_RANK = {Accepted: 0, Unknown: 1, Throttled: 2, Unavailable: 2, Rejected: 3}


class Draft(NamedTuple):
    """One recipient, right before the call: the messages to send, or the outcome when nothing is to be sent."""

    messages: list[Message]
    outcome: Outcome | None
    profile_offset: int


def draft(batch: DeliverBatch, index: int, profile: Profile | None, offset: int, binds: CategoryPolicy, render: Render, now: int) -> Draft:
    """What to send to recipient `index` of a batch by the profile as it is now."""
    reason = reason_against(profile, batch.channel, batch.notification, binds, now)
    if reason != SEND or profile is None:
        return not_sent(reason, offset)
    if (asleep := _asleep(batch, profile, binds, now)) is not None:
        return Draft([], asleep, offset)
    try:
        content = render(profile.language)
    except ProviderError as error:
        return Draft([], Outcome("failed", "template_error", str(error)[:MAX_DETAIL]), offset)
    return Draft(_messages(batch, index, profile, content), None, offset)


def not_sent(reason: str, offset: int) -> Draft:
    """Nothing to send, for a reason of the table."""
    return Draft([], outcome_of(reason), offset)


def results_of(drafts: Sequence[Draft], answers: Sequence[Answer]) -> list[Result]:
    """One result a draft; `answers` are those to all their messages, in order."""
    results = []
    position = 0
    for messages, outcome, offset in drafts:
        if outcome is not None:
            results.append(Result(outcome, "", offset))
            continue
        mine = answers[position : position + len(messages)]
        position += len(messages)
        results.append(_result(mine[0] if len(mine) == 1 else min(mine, key=_rank), offset))
    return results


def _asleep(batch: DeliverBatch, profile: Profile, binds: CategoryPolicy, now: int) -> Outcome | None:
    """What becomes of who has come into quiet hours since they were decided on: no end when policy defers; None: they have not."""
    if not binds.quiet_hours or profile.quiet_hours is None or now - batch.decided_at < DECIDED_MS:
        return None
    until = quiet_until(profile.time_zone, profile.quiet_hours, now)
    if until is None or not binds.defers:
        return None if until is None else outcome_of(QUIET_HOURS)
    return Outcome(DEFERRED, QUIET_HOURS, in_words(until)) if batch.partitions else None


def unsent(drafts: Sequence[Draft], answers: Sequence[Answer]) -> list[int]:
    """Which drafts were certainly not sent, and might be by another provider; `answers` as of `results_of`."""
    found, position = [], 0
    for number, (messages, _, _) in enumerate(drafts):
        mine = answers[position : position + len(messages)]
        position += len(messages)
        if mine and is_retryable(min(mine, key=_rank)):
            found.append(number)
    return found


def is_retryable(answer: Answer) -> bool:
    """Whether nothing was sent, and it may go better later."""
    return isinstance(answer, Throttled | Unavailable)


def _messages(batch: DeliverBatch, index: int, profile: Profile, content: Content) -> list[Message]:
    return [
        Message(
            message_id=f"{batch.batch_id}.{index}.{number}",
            notification_id=batch.notification.notification_id,
            user_id=profile.user_id,
            address=address,
            subject=content.subject,
            title=content.title,
            body=content.body,
            html=content.html,
        )
        for number, address in enumerate(addresses(profile, batch.channel))
    ]


def _rank(answer: Answer) -> int:
    return _RANK[type(answer)]


def _result(answer: Answer, offset: int) -> Result:
    if isinstance(answer, Accepted):
        return Result(SENT, answer.provider_message_id, offset)
    return Result(_outcome(answer), "", offset)


def _outcome(answer: Rejected | Throttled | Unavailable | Unknown) -> Outcome:
    detail = answer.detail[:MAX_DETAIL]
    if isinstance(answer, Rejected):
        return Outcome("failed", answer.reason, detail)
    if isinstance(answer, Unknown):
        return Outcome("unknown", "no_answer", detail)
    return Outcome("failed", "provider_throttled" if isinstance(answer, Throttled) else "provider_unavailable", detail)
