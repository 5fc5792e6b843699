from dataclasses import replace

import pytest

from ops.cli.asking import SOURCE, Asked, duration_ms, names, request_of, variables
from ops.cli.errors import BadRequest
from providers.catalogue import Templates
from schemas import ids
from schemas.records import NotificationRequested, Priority
from streams.policy.loader import load_policy

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
    assert "sms" not in request(code).notification.channels


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
