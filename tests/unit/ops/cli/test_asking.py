from dataclasses import replace

import pytest

from ops.cli.asking import NOW, SOURCE, Asked, Schedule, duration_ms, names, request_of, schedule_of, variables
from ops.cli.errors import BadRequest
from providers.catalogue import Templates
from schemas import ids
from schemas.records import ChatOverrides, EmailOverrides, NotificationRequested, Overrides, Priority, PushOverrides
from streams.policy.loader import load_policy
from streams.policy.local import LONGEST_DAY_MS

ORDER = Asked(
    "direct", "order_placed", "transactional", "high", users=["ann", "bo", "ann"], data={"name": "Ann", "order_id": "1", "total": "2"}
)


def request(asked: Asked, now: int = 1_000) -> NotificationRequested:
    return request_of(asked, "key-1", now, Templates.load(), load_policy())


def test_a_request_has_a_deterministic_id_the_newest_version_and_every_user_once() -> None:
    made = request(ORDER)
    assert made.notification.notification_id == ids.notification_id(SOURCE, "key-1")
    assert made.notification.template_version == 1
    assert made.notification.priority == Priority.HIGH
    assert made.audience.users == ["ann", "bo"]
    assert made.notification.expires_at is None


def test_channels_default_to_those_the_template_and_carillon_have() -> None:
    assert request(ORDER).notification.channels == ["push", "email", "in_app"]
    code = replace(ORDER, template="login_code", data={"code": "1"})
    assert request(code).notification.channels == ["push", "email", "sms", "in_app"]


def test_expiry_counts_from_now() -> None:
    assert request(replace(ORDER, expires_after_ms=5_000), now=1_000).notification.expires_at == 6_000


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"template": "order_placd"}, "no template 'order_placd'; there are .*order_placed"),
        ({"version": 9}, "no version 9"),
        ({"data": {"name": "Ann"}}, "missing variable"),
        ({"data": {"name": "Ann", "order_id": "1", "total": "2", "colour": "red"}}, "undeclared variable: colour"),
        ({"category": "spam"}, "category 'spam' is not in the policy"),
        ({"priority": "asap"}, "no priority 'asap'; there are critical, high, normal, low"),
        ({"channels": ["push", "fax"]}, "fax"),
        ({"users": []}, "needs users or an expression"),
        ({"users": [], "expression": "tagged:x"}, "expected tag:, platform: or user:, found 'tagged:'"),
        ({"data": {"name": "A" * 70_000, "order_id": "1", "total": "2"}}, "the limit is 65536"),
    ],
)
def test_whatever_a_later_step_would_refuse_is_refused_here(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        request(replace(ORDER, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (Overrides(chat=ChatOverrides(thread="t")), "overrides: chat: it goes to push, email, in_app"),
        (Overrides(email=EmailOverrides(cc=["bo"])), r"overrides.email.cc\[0\]: is no e-mail address"),
        (Overrides(push=PushOverrides(data={"x": "." * 50_000})), "overrides: have 501.. bytes in all; the limit is 49152"),
    ],
)
def test_overrides_that_later_steps_would_refuse_or_never_tell(overrides: Overrides, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        request(replace(ORDER, overrides=overrides))


def test_a_request_has_the_overrides() -> None:
    some = Overrides(push=PushOverrides(image="https://shop.example/x.png"))
    assert request(replace(ORDER, overrides=some)).notification.overrides == some
    assert request(ORDER).notification.overrides is None


def test_variables_may_hold_equals_signs() -> None:
    assert variables(["a=1", "b=c=d", "e="]) == {"a": "1", "b": "c=d", "e": ""}


@pytest.mark.parametrize("pairs", [["a"], ["=1"], ["a=1", "a=2"]])
def test_variables_that_cannot_be_read_are_refused(pairs: list[str]) -> None:
    with pytest.raises(BadRequest, match="--data"):
        variables(pairs)


@pytest.mark.parametrize(("text", "ms"), [("90s", 90_000), ("10m", 600_000), ("6h", 21_600_000), ("2d", 172_800_000)])
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "10", "0s", "-1m", "1w", "1.5h", "m", "9999999s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="no duration"):
        duration_ms(text)


def test_names_may_be_repeated_and_joined() -> None:
    assert names(["a,b", " c ,", "d"]) == ["a", "b", "c", "d"]


DAY_MS = 86_400_000
AT_NINE = 1_796_112_000_000
"""2026-12-01T08:00Z."""


@pytest.mark.parametrize(
    ("at", "delay", "at_local", "schedule"),
    [
        (None, None, None, NOW),
        ("2026-12-01T09:00+01:00", None, None, Schedule(at=AT_NINE)),
        ("2026-12-01T08:00Z", None, "09:05", Schedule(at=AT_NINE, local_minute=545)),
        (None, "2h", "00:00", Schedule(delay_ms=7_200_000, local_minute=0)),
        (None, None, "23:59", Schedule(local_minute=1439)),
    ],
)
def test_schedules(at: str | None, delay: str | None, at_local: str | None, schedule: Schedule) -> None:
    assert schedule_of(at, delay, at_local) == schedule


@pytest.mark.parametrize(
    ("at", "delay", "at_local", "complaint"),
    [
        ("2026-12-01T09:00+01:00", "2h", None, "--at and --delay: one of them"),
        ("tomorrow", None, None, "--at 'tomorrow': a time with its offset"),
        ("2026-12-01T09:00", None, None, "where. with an offset, as in 2026-12-01T09:00Z"),
        (None, "soon", None, "'soon' is no duration"),
        (None, None, "9", "--at-local '9' is no time of the day: HH:MM"),
        (None, None, "24:00", "--at-local '24:00'"),
        (None, None, "09:60", "--at-local '09:60'"),
    ],
)
def test_what_is_no_schedule_is_refused(at: str | None, delay: str | None, at_local: str | None, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        schedule_of(at, delay, at_local)


def test_a_request_for_later_says_when_and_expires_so_long_after_it() -> None:
    made = request(replace(ORDER, schedule=Schedule(delay_ms=5_000), expires_after_ms=60_000)).notification
    assert (made.accepted_at, made.not_before, made.local_minute, made.expires_at) == (1_000, 6_000, None, 66_000)
    made = request(replace(ORDER, schedule=Schedule(at=9_000, local_minute=540), expires_after_ms=60_000)).notification
    assert (made.not_before, made.local_minute, made.expires_at) == (9_000, 540, 69_000 + LONGEST_DAY_MS)


def test_what_is_past_or_too_far_ahead_is_refused() -> None:
    with pytest.raises(BadRequest, match="--at: that was 4 s ago"):
        request(replace(ORDER, schedule=Schedule(at=1_000)), now=5_000)
    with pytest.raises(BadRequest, match="61.0 days ahead; the limit is 60"):
        request(replace(ORDER, schedule=Schedule(delay_ms=61 * DAY_MS)))
