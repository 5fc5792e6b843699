"""One POST: what is refused and why, what is counted, and the faults on demand."""

import json
from typing import Any

import msgspec
import pytest

from providers.base import Message
from providers.sandbox_body import batch_body, single_body
from providers.sandbox_server.intake import Malformed, Reply, read_batch, read_single, receive
from providers.sandbox_server.ledger import Ledger
from providers.sandbox_server.settings import Dice, Settings
from providers.sandbox_server.wire import Recipient

NOW = 1_800_000_000 * 10**9
ITEM = {"message_id": "m", "user_id": "u", "address": "a"}


def message(number: int, **changes: Any) -> Message:
    fields = {"notification_id": "n", "body": "Hi", "data": {"k": "v"}} | changes
    return Message(message_id=f"m{number}", user_id=f"u{number}", address=f"a{number}", **fields)


def test_what_all_share_is_in_a_batch_once() -> None:
    body = json.loads(batch_body([message(i, html="<p>") for i in range(3)]))
    assert body["text"] == {"body": "Hi", "html": "<p>"}
    assert body["notification_id"] == "n"
    assert body["recipients"][2] == {"message_id": "m2", "user_id": "u2", "address": "a2", "data": {"k": "v"}}


@pytest.mark.parametrize("field", ["body", "subject", "title", "html"])
def test_texts_that_differ_go_with_their_recipient(field: str) -> None:
    body = json.loads(batch_body([message(0), message(1, **{field: "else"})]))
    assert "text" not in body
    assert body["recipients"][1]["text"][field] == "else"


def test_the_server_reads_what_the_client_writes() -> None:
    notification_id, items = read_batch(batch_body([message(0), message(1, notification_id="n2")]))
    assert notification_id is None
    assert [(item.notification_id, item.user_id) for item in items] == [("n", "u0"), ("n2", "u1")]
    assert read_single(single_body(message(7))) == ("n", [Recipient(message_id="m7", user_id="u7", address="a7")])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b'"\xff"', "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `recipients`"),
        (json.dumps({"recipients": []}), "recipients: 0 given, a batch has 1 to 10000"),
        (json.dumps({"recipients": [ITEM] * 10_001, "notification_id": "n", "text": {}}), "recipients: 10001 given"),
        (json.dumps({"recipients": [ITEM], "text": {}}), "notification_id: missing"),
        (json.dumps({"recipients": [ITEM], "notification_id": "n"}), "text: missing"),
        (json.dumps({"recipients": [ITEM, ITEM | {"user_id": 5}]}), r"at `\$.recipients\[1\].user_id`"),
    ],
)
def test_a_malformed_batch_is_refused_with_the_place(body: bytes | str, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read_batch(body if isinstance(body, bytes) else body.encode())


def take(settings: Settings, items: list[Recipient], ledger: Ledger | None = None) -> Reply:
    return receive(ledger or Ledger(), Dice(settings), "push", "n", items, NOW)


def items(count: int) -> list[Recipient]:
    return [Recipient(message_id=f"m{i}", user_id=f"u{i}", address=f"a{i}") for i in range(count)]


def test_results_are_in_order() -> None:
    results = msgspec.json.decode(take(Settings(), items(3)).body)["results"]
    assert [(r["message_id"], r["status"], r["id"]) for r in results] == [(f"m{i}", "accepted", f"sb-m{i}") for i in range(3)]


def test_refused_addresses_are_not_received_and_are_always_the_same() -> None:
    ledger, settings = Ledger(), Settings(reject_rate=0.5, reject_reason="invalid_address", seed=3)
    first = take(settings, items(200), ledger)
    results = msgspec.json.decode(first.body)["results"]
    refused = {r["message_id"] for r in results if r["status"] == "rejected"}
    assert 60 < len(refused) < 140
    assert {r["reason"] for r in results if r["status"] == "rejected"} == {"invalid_address"}
    assert (ledger.stats()["received"], ledger.stats("n")["rejected"]) == (200 - len(refused), len(refused))
    assert take(settings, items(200)).body == first.body


def test_faults_take_nothing_but_a_stall_does() -> None:
    ledger = Ledger()
    throttled = take(Settings(throttle=1, retry_after_s=9), items(1), ledger)
    failed = take(Settings(fail_rate=1, fail_status=503), items(1), ledger)
    assert (throttled.status, throttled.retry_after_s, failed.status) == (429, 9, 503)
    assert ledger.stats()["received"] == 0
    stalled = take(Settings(stall_rate=1, stall_ms=1234), items(1), ledger)
    assert (stalled.status, stalled.wait_s, ledger.stats()["received"]) == (200, 1.234, 1)
    assert ledger.stats()["faults"] == {"throttled": 1, "failed": 1, "stalled": 1, "reset": 0, "malformed": 0, "partial": 0, "garbled": 0}


def test_a_reset_takes_what_came() -> None:
    ledger = Ledger()
    assert take(Settings(reset_rate=1), items(2), ledger).reset
    assert (ledger.stats()["received"], ledger.faults.reset) == (2, 1)


def test_all_that_was_asked_is_counted_by_second_whatever_becomes_of_it() -> None:
    ledger = Ledger()
    for settings in (Settings(throttle=1), Settings(fail_rate=1), Settings()):
        take(settings, items(2), ledger)
    assert ledger.stats()["asked"] == [(NOW // 10**9, 6)]
    assert ledger.stats()["series"] == [(NOW // 10**9, 2)]


def test_only_a_message_alone_is_an_arrival() -> None:
    ledger = Ledger()
    take(Settings(), items(2), ledger)
    assert ledger.arrivals("") == {}
    take(Settings(reject_rate=1), items(1), ledger)
    assert ledger.arrivals("") == {}
    take(Settings(), items(1), ledger)
    assert ledger.arrivals("") == {"n": NOW}


def test_the_same_seed_gives_the_same_faults_at_about_the_rate() -> None:
    def run(seed: int) -> list[bool]:
        dice = Dice(Settings(fail_rate=0.3, seed=seed))
        return [dice.fails() for _ in range(1000)]

    assert run(1) == run(1) != run(2)
    assert 250 < sum(run(1)) < 350


def test_latency_stays_within_its_jitter() -> None:
    dice = Dice(Settings(latency_ms=20, jitter_ms=50))
    waits = [dice.latency_s() for _ in range(500)]
    assert min(waits) == 0.0
    assert 0.06 < max(waits) <= 0.07
    assert Dice(Settings(latency_ms=20)).latency_s() == 0.02


@pytest.mark.parametrize("bad", [{"fail_rate": 1.1}, {"latency_ms": -1}, {"throttle": "x"}, {"unknown": 1}, {"stall_ms": 10**9}])
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(bad, Settings)
