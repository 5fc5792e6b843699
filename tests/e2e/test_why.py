"""`carillon why` says of everybody who was not sent to which reason it was, through the whole of the real stack."""

from typing import Any

import pytest

from schemas.clock import now_ms
from schemas.records import QuietHours
from tests.e2e.conftest import eventually
from tests.e2e.test_cli import Answer
from tests.e2e.world import World

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def awake_in(minutes: int) -> QuietHours:
    """Quiet since an hour, until so many minutes from now (UTC)."""
    minute = now_ms() // MINUTE_MS % 1440
    return QuietHours((minute - 60) % 1440, (minute + minutes) % 1440)


@pytest.mark.parametrize(
    ("wishes", "reasons"),
    [
        ({"channels": ["in_app"]}, {"push": "channel_disabled", "email": "channel_disabled"}),
        ({"muted_categories": ["engagement"]}, dict.fromkeys(("push", "email", "in_app"), "category_muted")),
        ({"devices": [], "email": ""}, {"push": "no_address", "email": "no_address"}),
        ({"unsubscribe": ["engagement"]}, {"email": "unsubscribed"}),
        ({"frequency_cap": 0}, dict.fromkeys(("push", "email", "in_app"), "frequency_cap")),
    ],
)
def test_what_people_wish(world: World, unique: str, wishes: dict[str, object], reasons: dict[str, str]) -> None:
    world.person(unique, **wishes)
    verdicts = world.why(unique, world.tell(unique, "engagement"))
    assert {channel: said for channel, said in verdicts.items() if not said.startswith("sent by")} == {
        channel: f"suppressed: {reason}" for channel, reason in reasons.items()
    }


def test_addresses_that_are_out_of_use(world: World, unique: str) -> None:
    world.person(unique, suppress={f"t-{unique}": "dead_token", f"{unique}@example.com": "hard_bounce"})
    verdicts = world.why(unique, world.tell(unique, "transactional", "order_placed"))
    assert verdicts["push"] == verdicts["email"] == "suppressed: address_suppressed"
    assert verdicts["in_app"].startswith("sent by")


def test_a_phone_that_nobody_verified(world: World, unique: str) -> None:
    world.person(unique, channels=["sms", "in_app"], phone="+4915112345678", phone_verified=False)
    told = {"channels": ["sms"], "data": {"code": "1"}}
    assert world.why(unique, world.tell(unique, "transactional", "login_code", **told)) == {"sms": "suppressed: phone_not_verified"}
    world.person(f"{unique}-2", channels=["sms", "in_app"], phone="+4915112345678", phone_verified=True)
    assert world.why(f"{unique}-2", world.tell(f"{unique}-2", "transactional", "login_code", **told))["sms"].startswith("sent by")


def test_quiet_hours(world: World, answer: Answer, unique: str) -> None:
    world.person(unique, quiet_hours=awake_in(60))
    soon = world.tell(unique, "promotional", expires_at=now_ms() + 20 * MINUTE_MS)
    assert set(world.why(unique, soon).values()) == {"suppressed: quiet_hours"}
    later = world.tell(unique, "promotional")
    held = eventually(lambda: [one["verdict"] for one in answer("why", unique, later)["channels"] if "quiet_hours" in one["verdict"]])
    assert all(said.startswith("held until 2") for said in held)
    assert set(world.why(unique, world.tell(unique, "transactional", "order_placed")).values()) != {"suppressed: quiet_hours"}


def test_limits(world: World, unique: str) -> None:
    for user in (unique, f"{unique}-again"):
        began = now_ms() // HOUR_MS
        sales, orders, after = told_often(world, user)
        if now_ms() // HOUR_MS == began:  # else an hour ended meanwhile, perhaps a day, and they count anew
            break
    assert sales.count({"suppressed: category_limit"}) == 1, "three a day, by the policy that is shipped"
    assert all(counts.keys() == {"sent"} for one in orders for counts in one.values())
    assert after == {"suppressed: hourly_limit"}


def told_often(world: World, user: str) -> tuple[list[set[str]], list[Any], set[str]]:
    """What became of four sales, of eight orders, and of a like after them."""
    world.person(user)
    sales = [world.tell(user, "promotional") for _ in range(4)]
    told = [set(world.why(user, one).values()) for one in sales]
    orders = [world.tell(user, "transactional", "order_placed") for _ in range(8)]
    placed = [world.counts(one) for one in orders]
    return told, placed, set(world.why(user, world.tell(user, "engagement")).values())


def test_what_came_too_late_or_is_for_nobody(world: World, unique: str) -> None:
    world.person(unique)
    assert set(world.why(unique, world.tell(unique, "engagement", expires_at=now_ms() - 1)).values()) == {"expired: expired"}
    stranger = f"{unique}-nobody"
    assert set(world.why(stranger, world.tell(stranger, "engagement")).values()) == {"suppressed: user_unknown"}


def test_what_was_cancelled(world: World, answer: Answer, unique: str) -> None:
    world.person(unique)
    asked = world.tell(unique, "engagement", not_before=now_ms() + 4000)
    answer("cancel", asked)
    assert set(world.why(unique, asked).values()) == {"cancelled: cancelled"}


def test_a_digest_and_who_was_seen_before_it(world: World, answer: Answer, unique: str) -> None:
    world.person(unique)
    verdicts = []
    for actor in ("Ann", "Bo", "Cy"):
        like = world.tell(unique, "engagement", digest_key=unique, actor=actor, channels=["push", "in_app"])
        verdicts.append(world.why(unique, like))
    assert verdicts[0]["push"].startswith("sent by"), "the first is told at once"
    (digest,) = {said.removeprefix("told in digest ") for one in verdicts[1:] for said in one.values()}
    world.seen(unique)
    told = world.why(unique, digest)
    assert told["push"] == "suppressed: seen"
    assert told["in_app"].startswith("sent by")
    assert answer("inbox", unique)["messages"][0]["body"] == "Cy and Bo liked Lamp."
