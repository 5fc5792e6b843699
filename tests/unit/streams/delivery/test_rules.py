"""From recipients to messages, and from answers to outcomes."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import NO_CHAT, NO_EMAIL, NO_PUSH, NO_SMS, Accepted, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.base import Outcome as Answer
from providers.content import Content
from providers.errors import TemplateUnknownError
from schemas.records import ChatOverrides, Device, EmailOverrides, Outcome, Overrides, Priority, Profile, PushOverrides, SmsOverrides
from streams.delivery.drafts import Draft, Drafter
from streams.delivery.retries import MAX_DETAIL
from streams.delivery.rules import SENT, results_of, unsent
from tests.unit.streams.make import NOW, batch, binding, profile

BINDS = binding()
TWO = profile(devices=[Device("ios", "a"), Device("web", "b")])

ANSWERS = {
    Accepted("p-1"): SENT,
    Rejected("unregistered", "gone"): Outcome("failed", "unregistered", "gone"),
    Throttled(5, "slow down"): Outcome("failed", "provider_throttled", "slow down"),
    Unavailable("refused"): Outcome("failed", "provider_unavailable", "refused"),
    Unknown("reset"): Outcome("unknown", "no_answer", "reset"),
}


def render(language: str, data: Mapping[str, str]) -> Content:
    return Content(subject=f"subject {language}", title="title", body="body", html="<p>")


def drafted(who: Profile | None, channel: str = "push", now: int = NOW, index: int = 0) -> Draft:
    return Drafter(batch("ann", "bob", channel=channel), BINDS, render, now, ref="push-normal-3-42").draft(index, who, 42)


def test_one_message_for_each_device() -> None:
    made = drafted(TWO)
    assert [(m.address, m.message_id, m.user_id) for m in made.messages] == [("a", "b-1.0.0", "ann"), ("b", "b-1.0.1", "ann")]
    assert made.outcome is None
    assert made.profile_offset == 42


def test_message_ids_tell_recipients_apart() -> None:
    assert drafted(TWO, index=1).messages[0].message_id == "b-1.1.0"


def test_a_message_says_what_feedback_and_the_platform_need() -> None:
    one = batch("ann", priority=Priority.HIGH, expires_at=NOW + 5)
    made = Drafter(one, BINDS, render, NOW, ref="push-normal-3-42").draft(0, TWO, 42).messages
    assert [(m.platform, m.ref) for m in made] == [("ios", "push-normal-3-42-0-0"), ("web", "push-normal-3-42-0-1")]
    assert {(m.category, m.priority, m.sent_at, m.expires_at) for m in made} == {("transactional", "high", NOW, NOW + 5)}
    (mail,) = drafted(TWO, "email").messages
    assert (mail.platform, mail.ref, mail.expires_at) == ("", "push-normal-3-42-0-0", None)


def test_a_device_that_is_suppressed_is_left_out_with_its_platform() -> None:
    (message,) = drafted(profile(devices=TWO.devices, suppressed={"a": "unregistered"})).messages
    assert (message.address, message.platform) == ("b", "web")


OVERRIDES = Overrides(EmailOverrides(cc=["c"]), PushOverrides(image="i"), SmsOverrides(media=["m"]), ChatOverrides(link="l"))


@pytest.mark.parametrize("channel", ["email", "push", "sms", "in_app"])
def test_overrides_are_those_of_the_channel_alone_and_shared_by_the_batch(channel: str) -> None:
    one = batch("ann", "bob", channel=channel, overrides=OVERRIDES)
    who = profile(devices=TWO.devices, channels=[channel])
    made = [m for index in (0, 1) for m in Drafter(one, BINDS, render, NOW, ref="push-normal-3-42").draft(index, who, 42).messages]
    assert len(made) == (4 if channel == "push" else 2)
    none = {"email": NO_EMAIL, "push": NO_PUSH, "sms": NO_SMS, "chat": NO_CHAT}
    for name, nothing in none.items():
        wanted = getattr(OVERRIDES, name) if name == channel else nothing
        assert all(getattr(m, name) is wanted for m in made), name


@pytest.mark.parametrize("overrides", [None, Overrides(), Overrides(email=EmailOverrides(cc=["c"]))])
def test_without_overrides_there_is_the_one_object_for_none(overrides: Overrides | None) -> None:
    one = batch("ann", overrides=overrides)
    for message in Drafter(one, BINDS, render, NOW, ref="push-normal-3-42").draft(0, TWO, 42).messages:
        assert (message.email is NO_EMAIL, message.push is NO_PUSH, message.sms is NO_SMS, message.chat is NO_CHAT) == (True,) * 4


def test_the_words_are_in_the_users_language() -> None:
    (message,) = drafted(profile(language="de"), "email").messages
    assert (message.address, message.subject, message.html) == ("ann@example.com", "subject de", "<p>")


@pytest.mark.parametrize(
    ("who", "channel", "reason"),
    [
        (None, "push", "user_unknown"),
        (profile(channels=["email"]), "push", "channel_disabled"),
        (profile(devices=[]), "push", "no_address"),
        (profile(email=""), "email", "no_address"),
    ],
)
def test_the_profile_is_judged_again_right_before_the_call(who: Profile | None, channel: str, reason: str) -> None:
    assert drafted(who, channel) == Draft([], Outcome("suppressed", reason), 42)


def test_expiry_too() -> None:
    late = Drafter(batch("ann", expires_at=NOW), BINDS, render, NOW, ref="push-normal-3-42").draft(0, profile(), 42)
    assert late.outcome == Outcome("expired", "expired")


def test_a_template_that_can_not_be_rendered_fails_the_recipient() -> None:
    def broken(language: str, data: Mapping[str, str]) -> Content:
        raise TemplateUnknownError("no template " + "x" * 500)

    made = Drafter(batch("ann"), BINDS, broken, NOW, ref="push-normal-3-42").draft(0, profile(), 42)
    assert made.messages == []
    assert made.outcome is not None
    assert (made.outcome.status, made.outcome.reason) == ("failed", "template_error")
    assert len(made.outcome.detail) == MAX_DETAIL


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
def test_what_the_provider_said_is_the_outcome(answer: Answer) -> None:
    (result,) = results_of([drafted(profile())], [answer], "push")
    assert result.outcome == ANSWERS[answer]
    assert result.provider_message_id == ("p-1" if isinstance(answer, Accepted) else "")
    assert result.profile_offset == 42


def test_a_long_detail_is_cut() -> None:
    (result,) = results_of([drafted(profile())], [Unknown("x" * 500)], "push")
    assert len(result.outcome.detail) == MAX_DETAIL


ANSWERS_STATUS = {Accepted: "sent", Unknown: "unknown", Throttled: "failed", Rejected: "failed"}
BETTER = [Accepted("p-1"), Unknown(), Throttled(), Rejected("gone")]


@given(st.permutations(BETTER).map(lambda some: some[:2]))
def test_the_best_of_a_users_devices_counts(answers: list[Answer]) -> None:
    best = min(answers, key=BETTER.index)
    (result,) = results_of([drafted(TWO)], answers, "push")
    assert result.outcome.status == ANSWERS_STATUS[type(best)]


@given(st.lists(st.sampled_from([None, profile(), TWO]), max_size=8))
def test_answers_find_their_recipients(known: list[Profile | None]) -> None:
    drafts = [drafted(who, index=index) for index, who in enumerate(known)]
    messages = [message for one in drafts for message in one.messages]
    results = results_of(drafts, [Accepted(message.message_id) for message in messages], "push")
    for index, (who, result) in enumerate(zip(known, results, strict=True)):
        assert result.provider_message_id == (f"b-1.{index}.0" if who else "")
        assert result.outcome.status == ("sent" if who else "suppressed")


def test_only_what_was_certainly_not_sent_may_be_sent_again() -> None:
    answers = [*ANSWERS, Unsupported("x")]
    assert {type(answers[number]) for number in unsent([drafted(profile())] * len(answers), answers)} == {
        Throttled,
        Unavailable,
        Unsupported,
    }
    assert unsent([drafted(None), *[drafted(profile())] * 3], [Accepted(), Throttled(), Accepted()]) == [2]
    assert unsent([drafted(TWO)], [Throttled(), Unknown()]) == [], "one of the devices may have been reached"
