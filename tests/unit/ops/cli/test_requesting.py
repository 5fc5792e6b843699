from dataclasses import replace

import msgspec
import pytest

from ops.cli.asking import Schedule
from ops.cli.errors import BadRequest
from ops.cli.requesting import as_before
from projections.overrides import in_words
from schemas.records import NotificationRequested, Overrides, PushOverrides
from streams.planner.rules import digest_of
from tests.unit.ops.cli.test_asking import ORDER, request
from tests.unit.ops.cli.test_standing import HEADER

IMAGE = Overrides(push=PushOverrides(image="https://shop.example/x.png"))


def header_of(asked: NotificationRequested) -> object:
    it = asked.notification
    names = ("template_id", "template_version", "category", "priority", "campaign", "channels", "data", "occurred_at", "expires_at")
    names += ("not_before", "local_minute")
    same = {name: getattr(it, name) for name in names} | {"overrides": in_words(it.overrides)}
    return msgspec.structs.replace(HEADER, **same, audience_users=len(asked.audience.users), audience_expression="")


def test_the_same_again_is_the_same_to_the_planner_too() -> None:
    same = replace(ORDER, expires_after_ms=60_000, overrides=IMAGE)
    first = request(same, now=1_000)
    again = as_before(request(same, now=9_000), header_of(first))  # type: ignore[arg-type]
    assert digest_of(again) == digest_of(first)


def test_the_same_again_is_for_the_time_of_the_first() -> None:
    later = replace(ORDER, schedule=Schedule(delay_ms=5_000, local_minute=540))
    first = request(later, now=1_000)
    again = as_before(request(later, now=9_000), header_of(first))  # type: ignore[arg-type]
    assert (again.notification.not_before, digest_of(again)) == (6_000, digest_of(first))


@pytest.mark.parametrize(
    "changes",
    [
        {"template": "order_shipped", "data": {"name": "A", "order_id": "1", "carrier": "x"}},
        {"users": ["cy"]},
        {"priority": "low"},
        {"schedule": Schedule(local_minute=1)},
        {"overrides": Overrides(push=PushOverrides(image="https://shop.example/other.png"))},
        {"overrides": None},
    ],
)
def test_another_body_under_the_same_key_is_refused(changes: dict[str, object]) -> None:
    asked = replace(ORDER, overrides=IMAGE)
    other = request(replace(asked, **changes))  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="was used for another notification"):
        as_before(other, header_of(request(asked)))  # type: ignore[arg-type]
