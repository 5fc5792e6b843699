"""APNs: what it says is what it means, and what it is sent is what Apple's documentation shows."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from msgspec.structs import replace

from providers.apns import Apns
from providers.apns_codes import REASONS
from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.features import PUSH as PUSH_FEATURES
from providers.secret import Secret
from schemas.records import PushOverrides

NOW = 1_732_147_200_000
TOKEN = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
MESSAGE = Message(
    message_id="7c1f4f1e-0000-5000-8000-000000000000.0.0",
    notification_id="n",
    user_id="u",
    address=TOKEN,
    platform="ios",
    title="Hello",
    body="World",
    sent_at=NOW,
)
PERMANENT, DEAD, THROTTLED, DOWN, OURS = "permanent", "dead", "throttled", "down", "ours"

# https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns, "Response error strings":
# status, reason, and what it must mean for us
DOCUMENTED = [
    (400, "BadCollapseId", PERMANENT),
    (400, "BadDeviceToken", DEAD),
    (400, "BadExpirationDate", PERMANENT),
    (400, "BadMessageId", PERMANENT),
    (400, "BadPriority", PERMANENT),
    (400, "BadTopic", OURS),
    (400, "DeviceTokenNotForTopic", PERMANENT),
    (400, "DuplicateHeaders", PERMANENT),
    (400, "IdleTimeout", DOWN),
    (400, "InvalidPushType", PERMANENT),
    (400, "MissingDeviceToken", DEAD),
    (400, "MissingTopic", OURS),
    (400, "PayloadEmpty", PERMANENT),
    (400, "TopicDisallowed", OURS),
    (403, "BadCertificate", OURS),
    (403, "BadCertificateEnvironment", OURS),
    (403, "ExpiredProviderToken", OURS),
    (403, "Forbidden", OURS),
    (403, "InvalidProviderToken", OURS),
    (403, "MissingProviderToken", OURS),
    (403, "UnrelatedKeyIdInToken", OURS),
    (403, "BadEnvironmentKeyIdInToken", OURS),
    (404, "BadPath", OURS),
    (405, "MethodNotAllowed", OURS),
    (410, "ExpiredToken", DEAD),
    (410, "Unregistered", DEAD),
    (413, "PayloadTooLarge", PERMANENT),
    (429, "TooManyProviderTokenUpdates", THROTTLED),
    (429, "TooManyRequests", THROTTLED),
    (500, "InternalServerError", DOWN),
    (503, "ServiceUnavailable", DOWN),
    (503, "Shutdown", DOWN),
]


def apns(**options: Any) -> Apns:
    return Apns("push", Secret("key"), Secret("id"), "C86NV9JX3D", "com.example.MyApp", **options)


def meant(outcome: Outcome) -> str:
    if isinstance(outcome, Rejected):
        return DEAD if outcome.address_dead else PERMANENT
    if isinstance(outcome, Unavailable):
        return OURS if outcome.config else DOWN
    assert isinstance(outcome, Throttled)
    return THROTTLED


def answered(status: int, body: bytes, **headers: str) -> Outcome:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    (outcome,) = apns().parse([MESSAGE], httpx.Response(status, content=body, headers=named))
    return outcome


@pytest.mark.parametrize(("status", "reason", "meaning"), DOCUMENTED)
def test_each_documented_reason(status: int, reason: str, meaning: str) -> None:
    assert meant(answered(status, json.dumps({"reason": reason}).encode())) == meaning


def test_no_reason_is_known_that_is_not_documented() -> None:
    assert REASONS.keys() == {reason for _, reason, _ in DOCUMENTED}


def test_when_a_token_ended_is_told() -> None:
    outcome = answered(410, b'{"reason": "Unregistered", "timestamp": 1732147200000}')
    says = "The device token is inactive for the specified topic (since 1732147200000 ms)"
    assert outcome == Rejected("unregistered", says, address_dead=True)


def test_a_gone_that_is_not_of_apns_ends_no_device() -> None:
    assert meant(answered(410, b"<html>Gone</html>")) == OURS


def test_success_has_an_id_and_no_body() -> None:
    """The example answer of the same page."""
    assert answered(200, b"", apns_id="eabeae54-14a8-11e5-b60b-1697f925ec7b") == Accepted("eabeae54-14a8-11e5-b60b-1697f925ec7b")
    assert isinstance(answered(200, b""), Unknown)
    assert isinstance(answered(200, b"<html>", apns_id="eabeae54-14a8-11e5-b60b-1697f925ec7b"), Unknown)


def test_the_request_is_that_of_the_documentation() -> None:
    """https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns, its sample request."""
    request = apns(sandbox=True).build([replace(MESSAGE, priority="critical", expires_at=0)])
    assert request.method == "POST"
    assert str(request.url) == f"https://api.sandbox.push.apple.com/3/device/{TOKEN}"
    named = {name: value for name, value in request.headers.items() if name.startswith("apns-") and name != "apns-id"}
    assert named == {
        "apns-push-type": "alert",
        "apns-expiration": "0",
        "apns-priority": "10",
        "apns-topic": "com.example.MyApp",
    }
    assert json.loads(request.content)["aps"]["alert"] == {"title": "Hello", "body": "World"}


def test_production_is_where_it_is_sent_unless_told_otherwise() -> None:
    assert apns().build([MESSAGE]).url.host == "api.push.apple.com"
    assert apns(base_url="https://10.0.0.1:2197").build([MESSAGE]).url.host == "10.0.0.1"


def test_the_id_is_a_canonical_uuid_of_the_message() -> None:
    first, again = (apns().build([MESSAGE]).headers["apns-id"] for _ in range(2))
    other = apns().build([replace(MESSAGE, message_id="another")]).headers["apns-id"]
    assert first == again == str(UUID(first))
    assert first != other


def told(message: Message) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(apns().build([message]).content)
    return payload


def test_a_plain_alert_has_nothing_else() -> None:
    assert told(MESSAGE) == {"aps": {"alert": {"title": "Hello", "body": "World"}}}


def test_all_there_is() -> None:
    push = PushOverrides(
        image="https://example.com/i.png",
        link="shop://orders/17",
        sound="chime.caf",
        badge=0,
        category="ORDER",
        thread="o-17",
        android_channel="orders",
        collapse_key="o-17",
        data={"order": "o-17", "aps": "not Apple's"},
    )
    assert told(replace(MESSAGE, push=push, ref="3.b.0.0")) == {
        "aps": {
            "alert": {"title": "Hello", "body": "World"},
            "badge": 0,
            "sound": "chime.caf",
            "category": "ORDER",
            "thread-id": "o-17",
            "mutable-content": 1,
        },
        "order": "o-17",
        "carillon_ref": "3.b.0.0",
        "carillon_image": "https://example.com/i.png",
        "carillon_link": "shop://orders/17",
    }
    assert apns().declaration.carries == PUSH_FEATURES | {"title"}


@pytest.mark.parametrize(
    ("priority", "sound", "level", "header"),
    [
        ("critical", "", "time-sensitive", "10"),
        ("high", "", None, "10"),
        ("normal", "", None, "5"),
        ("low", "", "passive", "5"),
        ("low", "chime", None, "5"),
    ],
)
def test_priority(priority: str, sound: str, level: str | None, header: str) -> None:
    message = replace(MESSAGE, priority=priority, push=PushOverrides(sound=sound))
    assert told(message)["aps"].get("interruption-level") == level
    assert apns().build([message]).headers["apns-priority"] == header


@pytest.mark.parametrize("key", ["o-17", "x" * 64, "x" * 65, "ö" * 40, "a b", "a\nb", "\ud800"])
def test_a_collapse_id_is_at_most_64_bytes_and_the_same_for_the_same_key(key: str) -> None:
    message = replace(MESSAGE, push=PushOverrides(collapse_key=key))
    first, again = (apns().build([message]).headers["apns-collapse-id"] for _ in range(2))
    assert first == again
    assert len(first.encode()) <= 64
    assert first.isascii()
    assert first.isprintable()
    assert (first == key) == (key in ("o-17", "x" * 64))


def test_expiry_is_in_seconds_and_absent_where_there_is_none() -> None:
    assert apns().build([replace(MESSAGE, expires_at=NOW + 1_999)]).headers["apns-expiration"] == str(NOW // 1000 + 1)
    assert "apns-expiration" not in apns().build([MESSAGE]).headers


def test_a_payload_that_is_too_large_is_refused_and_the_largest_is_not() -> None:
    room = 4096 - len(apns().build([replace(MESSAGE, body="")]).content) - len(b',"body":""')
    assert len(apns().build([replace(MESSAGE, body="x" * room)]).content) == 4096
    assert apns().refused(replace(MESSAGE, body="x" * room)) is None
    assert apns().refused(replace(MESSAGE, body="x" * (room + 1))) == Rejected("payload_too_large", "4097 bytes, APNs takes 4096")
    assert isinstance(apns().refused(replace(MESSAGE, body="ü" * room)), Rejected)


@pytest.mark.parametrize("address", ["", "xyz", "abc", TOKEN + " ", TOKEN[:-1], "../../" + TOKEN, TOKEN + "?a=b", "ab" * 600])
def test_what_is_no_device_token_is_dead(address: str) -> None:
    refused = apns().refused(replace(MESSAGE, address=address))
    assert isinstance(refused, Rejected)
    assert refused.address_dead
    assert address == "" or address not in refused.detail


@pytest.mark.parametrize("address", [TOKEN, TOKEN.upper(), "ab", "ab" * 100])
def test_a_device_token_is_of_any_length(address: str) -> None:
    assert apns().refused(replace(MESSAGE, address=address)) is None
