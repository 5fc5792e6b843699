"""FCM: what it says is what it means, and what it is sent is what its documentation shows."""

import json
from hashlib import sha256
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.fcm import Fcm
from providers.secret import Secret
from schemas.records import PushOverrides

NOW = 1_732_147_200_000
PUSH = PushOverrides(
    image="https://example.com/i.png",
    link="https://example.com/o",
    sound="chime",
    badge=3,
    category="ORDER",
    thread="o-17",
    android_channel="orders",
    collapse_key="o-17",
    data={"order": "o-17"},
)
MESSAGE = Message(
    message_id="b-1.0.0",
    notification_id="n",
    user_id="u",
    address="bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1",
    platform="android",
    title="FCM Message",
    body="This is an FCM notification message!",
    sent_at=NOW,
)
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def fcm() -> Fcm:
    return Fcm("push", Secret("{}"), "myproject-b5ae1")


def told(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(fcm().build([message]).content)
    return body["message"]


def answered(
    status: int, error: dict[str, Any] | None = None, code: str = "", headers: dict[str, str] | None = None, **details: Any
) -> Outcome:
    told = {"code": status, "message": "Its own words", "status": ""} | (error or {})
    if code:
        told["details"] = [{"@type": FCM_ERROR, "errorCode": code}]
    if details:
        told["details"] = [*told.get("details", []), {"@type": BAD_REQUEST, **details}]
    (outcome,) = fcm().parse([MESSAGE], httpx.Response(status, json={"error": told}, headers=headers))
    return outcome


# https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
DOCUMENTED = [
    (500, "UNSPECIFIED_ERROR", Unknown("unspecified_error: Its own words")),
    (400, "INVALID_ARGUMENT", Rejected("invalid_argument", "Its own words")),
    (404, "UNREGISTERED", Rejected("unregistered", "Its own words", address_dead=True)),
    (403, "SENDER_ID_MISMATCH", Rejected("sender_id_mismatch", "Its own words")),
    (429, "QUOTA_EXCEEDED", Throttled(0, "quota_exceeded: Its own words")),
    (503, "UNAVAILABLE", Unavailable("unavailable: Its own words")),
    (500, "INTERNAL", Unavailable("internal: Its own words")),
    (401, "THIRD_PARTY_AUTH_ERROR", Unavailable("third_party_auth_error: Its own words", config=True)),
]


@pytest.mark.parametrize(("status", "code", "expected"), DOCUMENTED, ids=lambda value: value if isinstance(value, str) else "")
def test_each_documented_code(status: int, code: str, expected: Outcome) -> None:
    assert answered(status, code=code) == expected


# https://cloud.google.com/apis/design/errors#handling_errors: what any Google API may answer, without an FcmError
CANONICAL = [
    (400, "INVALID_ARGUMENT", Rejected("invalid_argument", "Its own words")),
    (400, "FAILED_PRECONDITION", Rejected("failed_precondition", "Its own words")),
    (400, "OUT_OF_RANGE", Rejected("out_of_range", "Its own words")),
    (401, "UNAUTHENTICATED", Unavailable("unauthenticated: Its own words", config=True)),
    (403, "PERMISSION_DENIED", Unavailable("permission_denied: Its own words", config=True)),
    (404, "NOT_FOUND", Unavailable("not_found: Its own words", config=True)),
    (409, "ABORTED", Unknown("aborted: Its own words")),
    (409, "ALREADY_EXISTS", Rejected("already_exists", "Its own words")),
    (429, "RESOURCE_EXHAUSTED", Throttled(0, "resource_exhausted: Its own words")),
    (499, "CANCELLED", Unknown("cancelled: Its own words")),
    (500, "DATA_LOSS", Unknown("data_loss: Its own words")),
    (500, "UNKNOWN", Unknown("unknown: Its own words")),
    (500, "INTERNAL", Unavailable("internal: Its own words")),
    (501, "UNIMPLEMENTED", Unavailable("unimplemented: Its own words", config=True)),
    (503, "UNAVAILABLE", Unavailable("unavailable: Its own words")),
    (504, "DEADLINE_EXCEEDED", Unknown("deadline_exceeded: Its own words")),
]


@pytest.mark.parametrize(("status", "name", "expected"), CANONICAL, ids=lambda value: value if isinstance(value, str) else "")
def test_each_canonical_status(status: int, name: str, expected: Outcome) -> None:
    assert answered(status, {"status": name}) == expected


@pytest.mark.parametrize(("code", "wait_ms"), [("UNAVAILABLE", 30_000), ("QUOTA_EXCEEDED", 30_000), ("INTERNAL", 30_000)])
def test_retry_after_is_kept_to(code: str, wait_ms: int) -> None:
    outcome = answered(503, code=code, headers={"retry-after": "30"})
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_ms == wait_ms


# the examples of https://firebase.google.com/docs/cloud-messaging/error-codes
def test_an_invalid_value_is_no_dead_token() -> None:
    text = "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"
    violations = [{"field": "message.data[0].value", "description": text}]
    outcome = answered(400, {"message": text, "status": "INVALID_ARGUMENT"}, fieldViolations=violations)
    assert outcome == Rejected("invalid_argument", text)


def test_an_invalid_token_is_dead() -> None:
    text = "The registration token is not a valid FCM registration token"
    expected = Rejected("invalid_token", text, address_dead=True)
    assert answered(400, {"message": text, "status": "INVALID_ARGUMENT"}, "INVALID_ARGUMENT") == expected


def test_a_token_that_is_named_as_the_wrong_field_is_dead() -> None:
    violations = [{"field": "message.token", "description": "Invalid registration token"}]
    outcome = answered(400, {"message": "Request contains an invalid argument."}, "INVALID_ARGUMENT", fieldViolations=violations)
    assert outcome == Rejected("invalid_token", "Request contains an invalid argument.", address_dead=True)


def test_another_field_is_not_the_tokens_fault_whatever_the_text_says() -> None:
    violations = [{"field": "message.data", "description": "no"}]
    outcome = answered(400, {"message": "Bad data for this registration token"}, "INVALID_ARGUMENT", fieldViolations=violations)
    assert isinstance(outcome, Rejected)
    assert not outcome.address_dead


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"name": "projects/myproject-b5ae1/messages/0:1500415314455276%31bd1c96"}', Accepted("0:1500415314455276%31bd1c96")),
        (b'{"name": ""}', Unknown('unreadable answer: {"name": ""}')),
        (b"", Unknown("unreadable answer: ")),
    ],
)
def test_success_names_the_message(body: bytes, expected: Outcome) -> None:
    assert fcm().parse([MESSAGE], httpx.Response(200, content=body)) == [expected]


def test_a_front_end_that_speaks_no_json_is_judged_by_its_status() -> None:
    (outcome,) = fcm().parse([MESSAGE], httpx.Response(502, text="<html>"))
    assert isinstance(outcome, Unavailable)


def test_the_request_is_that_of_the_documentation() -> None:
    """https://firebase.google.com/docs/cloud-messaging/send/v1-api"""
    request = fcm().build([MESSAGE])
    assert (request.method, str(request.url)) == ("POST", "https://fcm.googleapis.com/v1/projects/myproject-b5ae1/messages:send")
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.content)["message"]
    assert body["token"] == "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1"
    assert body["notification"] == {"title": "FCM Message", "body": "This is an FCM notification message!"}
    assert body["android"] == {"priority": "NORMAL"}
    assert body.keys() == {"token", "notification", "android"}


def test_android() -> None:
    body = told(replace(MESSAGE, push=PUSH, priority="high", ref="3.b-1.0.0", expires_at=NOW + 90_500, category="transactional"))
    assert body["notification"]["image"] == PUSH.image
    assert body["android"] == {
        "priority": "HIGH",
        "ttl": "90s",
        "collapse_key": "o-17",
        "notification": {
            "channel_id": "orders",
            "sound": "chime",
            "click_action": "ORDER",
            "tag": "o-17",
            "notification_count": 3,
        },
    }
    assert body["data"] == {
        "order": "o-17",
        "carillon_ref": "3.b-1.0.0",
        "carillon_link": "https://example.com/o",
        "carillon_thread": "o-17",
    }
    assert body["fcm_options"] == {"analytics_label": "transactional"}
    assert not {"apns", "webpush"} & body.keys()


def test_ios() -> None:
    body = told(replace(MESSAGE, platform="ios", push=PUSH, priority="critical", expires_at=NOW + 90_500))
    assert body["apns"] == {
        "headers": {
            "apns-push-type": "alert",
            "apns-priority": "10",
            "apns-expiration": "1732147290",
            "apns-collapse-id": "o-17",
        },
        "payload": {
            "aps": {
                "alert": {"title": MESSAGE.title, "body": MESSAGE.body},
                "badge": 3,
                "sound": "chime",
                "category": "ORDER",
                "thread-id": "o-17",
                "mutable-content": 1,
                "interruption-level": "time-sensitive",
            }
        },
        "fcm_options": {"image": PUSH.image},
    }
    assert body["data"] == {"order": "o-17", "carillon_link": "https://example.com/o"}
    assert not {"android", "webpush"} & body.keys()


def test_web() -> None:
    body = told(replace(MESSAGE, platform="web", push=PUSH, priority="low", expires_at=NOW + 90_500))
    assert body["webpush"] == {
        "headers": {"TTL": "90", "Urgency": "low", "Topic": sha256(b"o-17").hexdigest()[:32]},
        "notification": {"title": MESSAGE.title, "body": MESSAGE.body, "image": PUSH.image, "tag": "o-17"},
        "fcm_options": {"link": "https://example.com/o"},
    }
    assert body["data"] == {
        "order": "o-17",
        "carillon_sound": "chime",
        "carillon_badge": "3",
        "carillon_category": "ORDER",
        "carillon_thread": "o-17",
    }
    assert not {"android", "apns"} & body.keys()


def test_a_link_that_is_no_https_is_left_to_the_app() -> None:
    body = told(replace(MESSAGE, platform="web", push=PushOverrides(link="shop://orders/17")))
    assert "fcm_options" not in body["webpush"]
    assert body["data"] == {"carillon_link": "shop://orders/17"}


@pytest.mark.parametrize(
    ("expires_at", "ttl"),
    [(NOW - 1, "0s"), (NOW, "0s"), (NOW + 999, "0s"), (NOW + 1_000, "1s"), (NOW + 10**12, "2419200s"), (None, None)],
)
def test_time_to_live_is_within_what_fcm_takes(expires_at: int | None, ttl: str | None) -> None:
    assert told(replace(MESSAGE, expires_at=expires_at))["android"].get("ttl") == ttl


def test_a_category_that_is_no_label_is_none() -> None:
    assert "fcm_options" not in told(replace(MESSAGE, category="order updates"))
