"""From the recipients of a batch to messages, by their profiles as they are right before the call. Pure."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from providers.base import Message
from providers.content import Content
from providers.errors import ProviderError
from schemas.records import DeliverBatch, Outcome, Profile
from streams.delivery.retries import MAX_DETAIL
from streams.policy.decision import DEFERRED, QUIET_HOURS
from streams.policy.policy import CategoryPolicy
from streams.policy.quiet import in_words, quiet_until
from streams.policy.rules import SEND, addresses, chats, devices, outcome_of, reason_against

Data = Mapping[str, str]
Render = Callable[[str, Data], Content]
"""A language, and what the words are about, to content. Raises ProviderError."""

DECIDED_MS = 10_000
"""A younger decision on quiet hours stands: by another clock, profile or policy people would go to and fro without a pause."""


class Draft(Struct, frozen=True, gc=False):
    """One recipient, right before the call: the messages to send, or the outcome when nothing is to be sent."""

    messages: list[Message]
    outcome: Outcome | None
    profile_offset: int


class Drafter:
    """Makes the drafts of one batch at one moment. It is called for every recipient: what is of the batch is in its messages before."""

    def __init__(self, batch: DeliverBatch, binds: CategoryPolicy, render: Render, now: int, *, ref: str) -> None:
        """`now`: epoch ms. `ref`: of the batch (`schemas.refs`)."""
        self._batch, self._binds, self._render, self._now, self._ref = batch, binds, render, now, ref
        self._sleeps = binds.quiet_hours and now - batch.decided_at >= DECIDED_MS
        self._reached = _REACHED.get(batch.channel) or partial(_addresses, batch.channel)
        self._models: dict[str, Message] = {}

    def draft(self, index: int, profile: Profile | None, offset: int) -> Draft:
        """What to send to recipient `index` by their profile, which is the one at `offset`."""
        reason = reason_against(profile, self._batch.channel, self._batch.notification, self._binds, self._now)
        if reason != SEND or profile is None:
            return not_sent(reason, offset)
        if self._sleeps and (asleep := self._asleep(profile)) is not None:
            return Draft([], asleep, offset)
        try:
            model = self._model(index, profile.language)
        except ProviderError as error:
            return Draft([], Outcome("failed", "template_error", str(error)[:MAX_DETAIL]), offset)
        return Draft(self._messages(index, profile, model), None, offset)

    def _asleep(self, profile: Profile) -> Outcome | None:
        """What becomes of who has come into quiet hours since they were decided on: no end when policy defers; None: they have not."""
        if profile.quiet_hours is None:
            return None
        until = quiet_until(profile.time_zone, profile.quiet_hours, self._now)
        if until is None or not self._binds.defers:
            return None if until is None else outcome_of(QUIET_HOURS)
        return Outcome(DEFERRED, QUIET_HOURS, in_words(until)) if self._batch.partitions else None

    def _messages(self, index: int, profile: Profile, model: Message) -> list[Message]:
        """One for each address."""
        batch, ref, user = self._batch.batch_id, self._ref, profile.user_id
        return [
            replace(model, message_id=f"{batch}.{index}.{number}", user_id=user, address=to, platform=kind, ref=f"{ref}-{index}-{number}")
            for number, (to, kind) in enumerate(self._reached(profile))
        ]

    def _model(self, index: int, language: str) -> Message:
        """What all messages to the recipient have. Made once a language, where nobody has data of their own."""
        batch, data = self._batch, self._batch.notification.data
        if batch.data:
            data = data | batch.data[index]
            return _model(batch, self._render(language, data), data, self._now)
        if language not in self._models:
            self._models[language] = _model(batch, self._render(language, data), data, self._now)
        return self._models[language]


def not_sent(reason: str, offset: int) -> Draft:
    """Nothing to send, for a reason of the table."""
    return Draft([], outcome_of(reason), offset)


def _model(batch: DeliverBatch, content: Content, data: Data, now: int) -> Message:
    """A message to nobody. Overrides are those of the channel alone: what a notification has for another one is no part of this message."""
    wanted = batch.notification
    beside: dict[str, Any] = {}
    if (overrides := getattr(wanted.overrides, batch.channel, None)) is not None:
        beside[batch.channel] = overrides
    if batch.channel in ("chat", "sms"):  # webhooks pass it on, and templates of WhatsApp are filled with it
        beside["data"] = data
    return Message(
        message_id="",
        notification_id=wanted.notification_id,
        user_id="",
        address="",
        category=wanted.category,
        priority=wanted.priority,
        sent_at=now,
        expires_at=wanted.expires_at,
        subject=content.subject,
        title=content.title,
        body=content.body,
        html=content.html,
        **beside,
    )


def _addresses(channel: str, profile: Profile) -> Sequence[tuple[str, str]]:
    return [(to, "") for to in addresses(profile, channel)]


_REACHED: Mapping[str, Callable[[Profile], Sequence[tuple[str, str]]]] = {"push": devices, "chat": chats}
"""Where a channel reaches the user, each with the platform of its provider. Others have one provider, for all their addresses."""
