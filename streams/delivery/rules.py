"""From recipients to messages, and from what the provider said to statuses. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from providers.base import Accepted, Message, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.base import Outcome as Answer
from providers.content import Content
from providers.errors import ProviderError
from schemas.records import DeliverBatch, Outcome, Profile
from streams.delivery.dead import dead_of
from streams.delivery.ledger import Result
from streams.delivery.retries import MISCONFIGURED, THROTTLED, UNAVAILABLE
from streams.policy.decision import DEFERRED, QUIET_HOURS
from streams.policy.policy import CategoryPolicy
from streams.policy.quiet import in_words, quiet_until
from streams.policy.rules import SEND, addresses, chats, devices, outcome_of, reason_against

Render = Callable[[str], Content]
"""Language to content."""

SENT = Outcome("sent")
DECIDED_MS = 10_000
"""A younger decision on quiet hours stands: by another clock, profile or policy people would go to and fro without a pause."""
MAX_DETAIL = 200
# the best that happened on any of a user's devices is what happened to the user
_RANK = {Accepted: 0, Unknown: 1, Throttled: 2, Unavailable: 2, Unsupported: 3, Rejected: 4}


class Draft(NamedTuple):
    """One recipient, right before the call: the messages to send, or the outcome when nothing is to be sent."""

    messages: list[Message]
    outcome: Outcome | None
    profile_offset: int


def draft(
    batch: DeliverBatch,
    index: int,
    profile: Profile | None,
    offset: int,
    binds: CategoryPolicy,
    render: Render,
    now: int,
    *,
    ref: str,
) -> Draft:
    """What to send to recipient `index` of a batch by the profile as it is now. `ref`: of the batch (`schemas.refs`)."""
    reason = reason_against(profile, batch.channel, batch.notification, binds, now)
    if reason != SEND or profile is None:
        return not_sent(reason, offset)
    if (asleep := _asleep(batch, profile, binds, now)) is not None:
        return Draft([], asleep, offset)
    try:
        content = render(profile.language)
    except ProviderError as error:
        return Draft([], Outcome("failed", "template_error", str(error)[:MAX_DETAIL]), offset)
    return Draft(_messages(batch, index, profile, content, ref, now), None, offset)


def not_sent(reason: str, offset: int) -> Draft:
    """Nothing to send, for a reason of the table."""
    return Draft([], outcome_of(reason), offset)


def results_of(drafts: Sequence[Draft], answers: Sequence[Answer], channel: str) -> list[Result]:
    """One result a draft; `answers` are those to all their messages, in order. Dead addresses are in it whatever came of it."""
    results = []
    position = 0
    for messages, outcome, offset in drafts:
        if outcome is not None:
            results.append(Result(outcome, "", offset))
            continue
        mine = answers[position : position + len(messages)]
        position += len(messages)
        result = _result(mine[0] if len(mine) == 1 else min(mine, key=_rank), offset)
        dead = dead_of(messages, mine, channel)
        results.append(result._replace(dead=dead) if dead else result)
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
        if mine and _is_for_others(min(mine, key=_rank)):
            found.append(number)
    return found


def is_retryable(answer: Answer) -> bool:
    """Whether nothing was sent, and it may go better later."""
    return isinstance(answer, Throttled | Unavailable)


def _is_for_others(answer: Answer) -> bool:
    """Whether nothing was sent, and another provider may do better now."""
    return is_retryable(answer) or isinstance(answer, Unsupported)


def _messages(batch: DeliverBatch, index: int, profile: Profile, content: Content, ref: str, now: int) -> list[Message]:
    """One for each address. Called for every recipient; what is of the batch is the same object in all of them.

    Overrides are those of the channel alone: what a notification has for another one is no part of this message.
    """
    made = [_message(batch, index, number, profile, *to, content, ref, now) for number, to in enumerate(_reached(profile, batch.channel))]
    beside: dict[str, Any] = {}
    if (overrides := getattr(batch.notification.overrides, batch.channel, None)) is not None:
        beside[batch.channel] = overrides
    if batch.channel in ("chat", "sms"):  # webhooks pass it on, and templates of WhatsApp are filled with it
        beside["data"] = batch.notification.data | (batch.data[index] if batch.data else {})
    return [replace(message, **beside) for message in made] if beside else made


def _reached(profile: Profile, channel: str) -> Sequence[tuple[str, str]]:
    """Where a channel reaches the user, each with the platform of its provider; empty: the channel has one."""
    if channel == "push":
        return [(to.token, to.platform) for to in devices(profile)]
    if channel == "chat":
        return chats(profile)
    return [(to, "") for to in addresses(profile, channel)]


def _message(
    batch: DeliverBatch, index: int, number: int, profile: Profile, address: str, platform: str, content: Content, ref: str, now: int
) -> Message:
    """Without overrides: with more than 15 keyword arguments CPython 3.11 takes four times as long for the call."""
    wanted = batch.notification
    return Message(
        message_id=f"{batch.batch_id}.{index}.{number}",
        notification_id=wanted.notification_id,
        user_id=profile.user_id,
        address=address,
        platform=platform,
        ref=f"{ref}-{index}-{number}",
        category=wanted.category,
        priority=wanted.priority,
        sent_at=now,
        expires_at=wanted.expires_at,
        subject=content.subject,
        title=content.title,
        body=content.body,
        html=content.html,
    )


def _rank(answer: Answer) -> int:
    return _RANK[type(answer)]


def _result(answer: Answer, offset: int) -> Result:
    if isinstance(answer, Accepted):
        return Result(SENT, answer.provider_message_id, offset)
    return Result(_outcome(answer), "", offset, answer.retry_after_ms if isinstance(answer, Throttled) else 0)


def _outcome(answer: Rejected | Unsupported | Throttled | Unavailable | Unknown) -> Outcome:
    detail = answer.detail[:MAX_DETAIL]
    if isinstance(answer, Rejected):
        return Outcome("failed", answer.reason, detail)
    if isinstance(answer, Unsupported):
        return Outcome("failed", "unsupported_content", detail)
    if isinstance(answer, Unknown):
        return Outcome("unknown", "no_answer", detail)
    if isinstance(answer, Throttled):
        return Outcome("failed", THROTTLED, detail)
    return Outcome("failed", MISCONFIGURED if answer.config else UNAVAILABLE, detail)
