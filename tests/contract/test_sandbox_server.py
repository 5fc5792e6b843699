"""The sandbox's own API: bad input is refused with a reason, and what it reports is what arrived."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from providers.base import Message
from providers.sandbox_body import batch_body, single_body
from providers.sandbox_server.process import SandboxProcess, SandboxStartError, running

Messages = Callable[..., list[Message]]


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/v1/push/batch", b"{", "truncated"),
        ("POST", "/v1/push/batch", b'{"recipients": []}', "recipients: 0 given"),
        ("POST", "/v1/push/single", b"\xff", "malformed"),
        ("POST", "/v1/push/single", b'{"message_id": 1}', "Expected `str`, got `int` - at `$.message_id`"),
        ("PUT", "/v1/settings", b'{"push": {"fail_rate": 2}}', "Expected `float` <= 1.0"),
        ("PUT", "/v1/settings", b'{"push": {"fial_rate": 1}}', "unknown field `fial_rate`"),
        ("GET", "/v1/duplicates?limit=x", b"", "limit: must be 0 to 10000, is 'x'"),
    ],
)
def test_bad_input_is_refused_with_a_reason(method: str, path: str, body: bytes, says: str, control: httpx.Client) -> None:
    response = control.request(method, path, content=body)
    assert response.status_code == 400
    assert says in response.json()["error"]
    assert control.get("/v1/stats").json()["received"] == 0


def test_a_message_alone_has_an_arrival_and_its_user_a_sighting(control: httpx.Client, messages: Messages) -> None:
    before = time.time_ns()
    for _ in range(2):
        control.post("/v1/push/single", content=single_body(messages(1, notification_id="urgent-1")[0]))
    control.post("/v1/push/batch", content=batch_body(messages(2, notification_id="sale")))
    arrivals: dict[str, int] = control.get("/v1/arrivals?prefix=urgent").json()
    assert list(arrivals) == ["urgent-1"]
    assert before <= arrivals["urgent-1"] <= time.time_ns()
    sighting = control.get("/v1/received/urgent-1?user=u-0").json()["channels"]["push"]
    assert sighting["count"] == 2
    assert sighting["first_ns"] <= sighting["last_ns"]
    assert control.get("/v1/received/urgent-1?user=u-9").json() == {"channels": {}}


def test_a_notification_is_reported_by_channel(control: httpx.Client, messages: Messages) -> None:
    control.post("/v1/push/batch", content=batch_body(messages(3)))
    control.post("/v1/email/batch", content=batch_body(messages(2)))
    report: dict[str, Any] = control.get("/v1/received/n-1").json()
    assert (report["received"], report["distinct"], report["duplicates"]) == (5, 5, 0)
    assert {channel: tally["received"] for channel, tally in report["channels"].items()} == {"push": 3, "email": 2}
    assert report == control.get("/v1/stats?notification=n-1").json()
    whole = control.get("/v1/stats").json()
    assert sum(count for _, count in whole["series"]) == 5


def test_duplicates_are_listed_newest_first_and_bounded(control: httpx.Client, messages: Messages) -> None:
    for _ in range(2):
        control.post("/v1/push/batch", content=batch_body(messages(5)))
    listed = control.get("/v1/duplicates?notification=n-1&limit=2").json()
    assert [duplicate["user_id"] for duplicate in listed] == ["u-4", "u-3"]
    assert control.get("/v1/duplicates?notification=other").json() == []


def test_a_channel_keeps_its_settings_until_they_are_set_or_forgotten(control: httpx.Client) -> None:
    control.put("/v1/settings", json={"push": {"fail_rate": 1}})
    control.put("/v1/settings", json={"*": {"throttle": 1}})
    assert control.post("/v1/push/single", json=SINGLE).status_code == 500
    assert control.post("/v1/sms/single", json=SINGLE).status_code == 429
    control.delete("/v1/state")
    assert control.post("/v1/push/single", json=SINGLE).status_code == 200


def test_a_batch_fails_in_part_and_only_the_rest_is_received(control: httpx.Client, messages: Messages) -> None:
    control.put("/v1/settings", json={"*": {"partial_rate": 0.5, "seed": 3}})
    results = control.post("/v1/push/batch", content=batch_body(messages(100))).json()["results"]
    said = [result["status"] for result in results]
    assert set(said) == {"accepted", "failed"}
    stats = control.get("/v1/stats").json()
    assert (stats["received"], stats["faults"]["partial"]) == (said.count("accepted"), said.count("failed"))
    assert stats["rejected"] == 0


def test_a_garbled_answer_is_no_answer_to_what_was_received(control: httpx.Client, messages: Messages) -> None:
    control.put("/v1/settings", json={"*": {"garbage_rate": 1}})
    response = control.post("/v1/push/batch", content=batch_body(messages(3)))
    assert response.status_code == 200
    with pytest.raises(ValueError, match="decode|Expecting"):
        response.json()
    stats = control.get("/v1/stats").json()
    assert (stats["received"], stats["faults"]["garbled"]) == (3, 1)


def test_what_is_reset_has_arrived_and_has_no_answer(control: httpx.Client, messages: Messages) -> None:
    control.put("/v1/settings", json={"push": {"reset_rate": 1}})
    with pytest.raises(httpx.ReadError, match="reset"):
        control.post("/v1/push/batch", content=batch_body(messages(3)))
    stats = control.get("/v1/stats").json()
    assert (stats["received"], stats["faults"]["reset"]) == (3, 1)


def test_a_server_that_refuses_remembers_what_arrived(messages: Messages) -> None:
    with running() as server:
        with httpx.Client(base_url=server.base_url) as client:
            client.post("/v1/push/batch", content=batch_body(messages(3)))
            server.refuse()
            with pytest.raises(httpx.TransportError):
                client.get("/healthz")
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{server.base_url}/healthz")
        server.refuse(False)
        assert httpx.get(f"{server.base_url}/v1/stats").json()["received"] == 3


SINGLE = {"message_id": "m", "notification_id": "n", "user_id": "u", "address": "a", "text": {"body": "Hi"}}


def test_it_is_healthy(control: httpx.Client) -> None:
    assert control.get("/healthz").json() == {"status": "ok"}


def test_a_server_that_cannot_start_says_why(sandbox: SandboxProcess) -> None:
    taken = int(sandbox.base_url.rpartition(":")[2])
    with pytest.raises(SandboxStartError, match="address already in use"):
        SandboxProcess(taken).start()


def test_a_stopped_server_is_gone() -> None:
    with running() as server:
        url = server.base_url
        assert httpx.get(f"{url}/healthz").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")
    with pytest.raises(SandboxStartError, match="not started"):
        _ = server.pid
