"""The command line against the running system."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.cli import requesting
from ops.cli.asking import Asked
from ops.cli.producing import LogProducer, Place
from ops.endpoints import Endpoints
from ops.fleet.settings import FleetSettings, worker_settings
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.partition import partition_of
from schemas.records import Device, ProfileChanged, ProfilesChanged
from schemas.topics import PROFILE_EVENTS, REQUESTS
from tests.e2e.conftest import TIMEOUT_S, Carillon, eventually

Answer = Callable[..., Any]
Known = Callable[[str], Any]
ORDER = ("-t", "order_placed", "-d", "name=Ann", "-d", "order_id=1", "-d", "total=2 EUR")


@pytest.fixture
def log(running: FleetSettings) -> LogProducer:
    return LogProducer(running.endpoints.kafka)


@pytest.fixture
def make_users(running: FleetSettings, log: LogProducer, wire: Codec) -> Callable[..., list[str]]:
    """Make users known, with a phone and an inbox but e-mail turned off, and wait until a message reaches the last of them."""

    def make(*users: str, tag: str = "") -> list[str]:
        for user in users:
            change = ProfileChanged(
                user,
                "import",
                now_ms(),
                now_ms(),
                channels=["push", "in_app"],
                devices=[Device("ios", f"t-{user}")],
                tags=[tag] if tag else [],
            )
            partition = partition_of(user, worker_settings().partitions)
            log.send(PROFILE_EVENTS, user.encode(), wire.encode(ProfilesChanged([change])), partition=partition)
        for priority in ("high", "low"):
            eventually(lambda p=priority: reached(running.endpoints, users[-1], p))
        return list(users)

    return make


def reached(endpoints: Endpoints, user: str, priority: str) -> bool:
    """Whether what is sent to the user comes out at the phone; as `carillon send --wait` does it, without its start."""
    asked = Asked(
        event_type="direct", template="login_code", category="transactional", priority=priority, users=[user], data={"code": "1"}
    )  # fmt: skip
    request, _ = requesting.prepare(asked, None, endpoints)
    return requesting.send_and_watch(request, endpoints, TIMEOUT_S, lambda _: None).counts["push"] == {"sent": 1}


def test_a_notification_is_sent_and_every_command_knows_of_it(
    answer: Answer, make_users: Callable[..., list[str]], known: Known, unique: str, tmp_path: Path
) -> None:
    (user,) = make_users(unique)
    beside = tmp_path / "beside.yaml"
    beside.write_text("push: {image: https://shop.example/x.png}")
    sent = answer("send", *ORDER, "-u", user, "-p", "high", "--overrides", str(beside), "--attach", str(beside), "--wait")
    nid = sent["notification_id"]
    assert sent["channels"] == {"push": {"sent": 1}, "in_app": {"sent": 1}, "email": {"suppressed:channel_disabled": 1}}

    status = known(nid)
    assert status["channels"]["push"]["outcomes"] == {"sent": 1}
    assert status["channels"]["email"]["reasons"] == {"suppressed:channel_disabled": 1}

    inbox = answer("inbox", user)
    assert inbox["messages"][0]["notification_id"] == nid
    assert inbox["messages"][0]["title"] == "Order 1 placed"

    why = answer("why", user, nid)
    assert [link["what"] for link in why["links"]] == ["requested", "planned"]
    assert ", with email.attachments (1 file of 41 bytes), push.image #" in why["links"][0]["said"]
    push, email = why["channels"][0], next(one for one in why["channels"] if one["channel"] == "email")
    assert [link["what"] for link in push["links"]] == ["decided", "sent"]
    assert push["verdict"].startswith("sent by sandbox-push")
    assert email["verdict"] == "suppressed: channel_disabled"
    assert all(link["where"].count("/") == 2 for link in (*why["links"], *push["links"], *email["links"]))


def test_tables_for_people_and_a_clear_line_for_what_is_wrong(carillon: Carillon, unique: str) -> None:
    for args in (
        ("send", "-t", "order_placed", "-u", unique),
        ("status", unique),
        ("dlq", "show", unique),
        ("send", "-t", unique, "-u", "x"),
    ):
        done = carillon(*args)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
    assert "notify.requests" in carillon("topics", "list").stdout
    assert carillon("topics", "check").returncode == 0
    assert carillon("stats").returncode == 0
    assert "project-cassandra-1" in carillon("ps").stdout


def test_the_same_key_sends_once_and_another_body_is_refused(
    carillon: Carillon, answer: Answer, make_users: Callable[..., list[str]], known: Known, unique: str
) -> None:
    (user,) = make_users(unique)
    first = answer("send", *ORDER, "-u", user, "--key", unique)
    known(first["notification_id"])
    again = answer("send", *ORDER, "-u", user, "--key", unique, "--expires", "1h")
    assert again == {"notification_id": first["notification_id"], "repeated": True}
    other = carillon("send", "-t", "login_code", "-d", "code=1", "-u", user, "--key", unique)
    assert other.returncode == 1
    assert "was used for another notification" in other.stderr
    assert [one["notification_id"] for one in answer("inbox", user)["messages"]].count(first["notification_id"]) == 1


def test_a_campaign_reaches_its_tag_and_nobody_else(
    answer: Answer, make_users: Callable[..., list[str]], known: Known, unique: str
) -> None:
    users = make_users(*(f"{unique}-{number}" for number in range(20)), tag=unique)
    done = answer("campaign", f"tag:{unique}", "-t", "flash_sale", "-d", "sale=Bells", "-d", "percent=10", "--name", unique)
    assert done["users"] == len(users)
    assert done["channels"]["push"] == {"sent": 20}
    assert done["channels"]["email"] == {"suppressed:channel_disabled": 20}
    nid = done["notification_id"]
    known(nid)
    assert answer("why", users[3], nid)["channels"][0]["verdict"].startswith("sent by")
    stranger = answer("why", "nobody-at-all", nid)
    assert "did not hold for nobody-at-all" in stranger["verdict"]
    rates = eventually(lambda: answer("stats", "--campaign", unique)["rates"])
    assert {row["channel"]: row["sent"] for row in rates} == {"push": 20, "in_app": 20, "email": 0}


def test_garbage_goes_to_the_dead_letters_and_can_be_shown_replayed_and_discarded(
    log: LogProducer, carillon: Carillon, answer: Answer, unique: str
) -> None:
    place = log.send(REQUESTS, unique.encode(), b"\xffgarbage", headers={"id": b"h1"})
    letter = eventually(lambda: listed(answer, place))
    assert letter["reason"] == "bad_magic"
    assert letter["key"] == unique
    shown = answer("dlq", "show", letter["id"])
    assert shown["value_hex"] == b"\xffgarbage".hex()
    assert shown["headers"] == {"id": "h1"}
    assert "in the DLQ as" in answer("why", "anybody", unique)["verdict"]

    assert answer("dlq", "replay", letter["id"]) == [letter["id"]]
    assert listed(answer, place) is None
    again = eventually(lambda: next((one for one in answer("dlq", "list") if one["key"] == unique and one["id"] != letter["id"]), None))
    assert (again["topic"], again["partition"]) == (place.topic, place.partition)
    assert answer("dlq", "show", again["id"])["value_hex"] == b"\xffgarbage".hex()

    assert answer("dlq", "discard", again["id"]) == [again["id"]]
    assert [one["id"] for one in answer("dlq", "list") if one["key"] == unique] == []
    assert carillon("dlq", "discard", again["id"]).stderr == f"error: {again['id']} was discarded already\n"


def listed(answer: Answer, place: Place) -> Any:
    """The letter of a record, while it is listed."""
    return next((one for one in answer("dlq", "list") if one["id"] == f"{place.topic}/{place.partition}/{place.offset}"), None)


def test_control_of_what_is_through_changes_nothing_and_status_knows_of_it(
    carillon: Carillon, answer: Answer, make_users: Callable[..., list[str]], known: Known, unique: str
) -> None:
    (user,) = make_users(unique)
    nid = answer("send", *ORDER, "-u", user, "--wait")["notification_id"]
    before = known(nid)
    assert before["control"] is None
    assert answer("rate", nid, "500/s")["command"]["per_second"] == 500
    told = answer("cancel", nid, "--by", "e2e")
    assert (told["expanded"], told["command"]["action"], told["command"]["by"]) == (True, "cancel", "e2e")
    partitions = worker_settings().partitions
    after = eventually(lambda: found if (found := answer("status", nid))["control"] == stopped(partitions) else None)
    assert (after["complete"], after["channels"]) == (True, before["channels"])
    assert f"control: cancelled on {partitions} partitions" in carillon("status", nid).stdout
    done = carillon("pause", unique)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no notification {unique}" in done.stderr


def stopped(partitions: int) -> dict[str, Any]:
    """As `carillon status --json` says it."""
    return {"states": {"cancelled": partitions}, "waiting": 0, "per_second": 500}
