"""Vonage's Messages API: its published requests, its sign-in, and every listed error."""

from typing import Any

import httpx
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.errors import DeclarationError
from providers.registry import load, routes_of
from providers.secret import Secret
from providers.vonage import Vonage
from providers.vonage_body import WhatsAppTemplate
from providers.vonage_codes import GENERIC, MESSAGES
from schemas.records import SmsOverrides

PLAIN = Message(message_id="b.0.0", notification_id="n", user_id="u", address="+447700900000", body="Hello from Vonage!", ref="3.b.0.0")
UUID = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"


def vonage(**options: Any) -> Vonage:
    return Vonage("sms", Secret("secret"), "447700900001", **{"api_key": "abcd1234"} | options)


def body_of(message: Message, **options: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(vonage(**options).build([message]).content)
    return decoded


def changed(**fields: Any) -> Message:
    return msgspec.structs.replace(PLAIN, **fields)


def with_media(*urls: str, **fields: Any) -> Message:
    return changed(sms=SmsOverrides(media=list(urls)), **fields)


def read(status: int, body: Any, headers: dict[str, str] | None = None) -> Outcome:
    (outcome,) = vonage().parse([PLAIN], httpx.Response(status, json=body, headers=headers))
    return outcome


def test_the_published_text_message() -> None:
    """https://developer.vonage.com/en/api/messages, "SMS text message"."""
    request = vonage().build([changed(ref="")])
    assert (request.method, str(request.url)) == ("POST", "https://api.nexmo.com/v1/messages")
    assert request.headers["authorization"] == "Basic YWJjZDEyMzQ6c2VjcmV0"
    assert msgspec.json.decode(request.content) == {
        "message_type": "text",
        "text": "Hello from Vonage!",
        "to": "447700900000",
        "from": "447700900001",
        "channel": "sms",
    }


def test_what_comes_back_with_feedback() -> None:
    body = body_of(PLAIN, callback_url="https://x.example/f?a=1")
    assert (body["client_ref"], body["webhook_url"], body["webhook_version"]) == ("3.b.0.0", "https://x.example/f?a=1", "v1")
    assert "client_ref" not in body_of(changed(ref="r" * 101))
    assert body_of(changed(ref="r" * 100))["client_ref"] == "r" * 100


def test_a_picture_makes_it_an_mms_and_the_text_its_caption() -> None:
    body = body_of(with_media("https://x.example/a.PNG"))
    assert (body["channel"], body["message_type"]) == ("mms", "image")
    assert body["image"] == {"url": "https://x.example/a.PNG", "caption": "Hello from Vonage!"}
    body = body_of(with_media("https://x.example/a.mp4?b=c", body=""))
    assert (body["message_type"], body["video"]) == ("video", {"url": "https://x.example/a.mp4?b=c"})


@pytest.mark.parametrize(
    ("message", "ttl"),
    [
        (changed(expires_at=None), None),
        (changed(expires_at=3_600_999), 3_600),
        (changed(expires_at=-5), 20),
        (changed(expires_at=10**12), 604_800),
        (with_media("https://x.example/a", expires_at=1_000), 300),
        (with_media("https://x.example/a", expires_at=10**12), 259_200),
    ],
)
def test_the_time_to_live_is_within_what_vonage_takes(message: Message, ttl: int | None) -> None:
    assert body_of(message).get("ttl") == ttl


TEMPLATES = {"orders": WhatsAppTemplate("shop:order", "en-GB", ["when", "where"]), "news": WhatsAppTemplate("shop:news", "de")}


def test_whatsapp() -> None:
    body = body_of(PLAIN, whatsapp=True)
    assert (body["channel"], body["message_type"], body["text"]) == ("whatsapp", "text", "Hello from Vonage!")
    body = body_of(changed(category="orders", data={"when": "noon", "where": "here"}), whatsapp=True, templates=TEMPLATES)
    assert body["message_type"] == "template"
    assert body["template"] == {"name": "shop:order", "parameters": ["noon", "here"]}
    assert body["whatsapp"] == {"policy": "deterministic", "locale": "en-GB"}
    assert "text" not in body
    assert body_of(changed(category="news"), whatsapp=True, templates=TEMPLATES)["template"] == {"name": "shop:news"}
    assert "ttl" not in body_of(changed(expires_at=3_600_000), whatsapp=True)


@pytest.mark.parametrize(
    ("message", "options", "outcome"),
    [
        (changed(body="a" * 1_000), {}, None),
        (changed(body="a" * 1_001), {}, Rejected("too_long", "1001 characters, 1000 are allowed")),
        (changed(body="a" * 307), {"max_segments": 2}, Rejected("too_long", "3 segments, 2 are allowed")),
        (changed(body="a" * 306), {"max_segments": 2}, None),
        (changed(body="a" * 4_096), {"whatsapp": True, "max_segments": 1}, None),
        (changed(body="a" * 4_097), {"whatsapp": True}, Rejected("too_long", "4097 characters, 4096 are allowed")),
        (with_media("https://x.example/a", body="a" * 2_000), {"max_segments": 1}, None),
        (with_media("https://x.example/a", body="a" * 2_001), {}, Rejected("too_long", "2001 characters, 2000 are allowed")),
        (with_media("https://x.example/a", "https://x.example/b"), {}, Unsupported("vonage can't carry 2 media files")),
        (
            with_media("https://x.example/a", category="news"),
            {"whatsapp": True, "templates": TEMPLATES},
            Unsupported("vonage can't carry 1 media files with a WhatsApp template"),
        ),
        (
            changed(category="orders", data={"when": "noon"}),
            {"whatsapp": True, "templates": TEMPLATES},
            Rejected("variables_missing", "template shop:order needs where"),
        ),
    ],
)
def test_what_it_can_not_take_is_refused(message: Message, options: dict[str, Any], outcome: Outcome | None) -> None:
    assert vonage(**options).refused(message) == outcome


@pytest.mark.parametrize("address", ["", "+", "nobody", "+1 555\r\n", "é" * 300, "\x00"])
def test_no_address_makes_it_raise(address: str) -> None:
    assert body_of(changed(address=address))["to"] == address.removeprefix("+")


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def pem(key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def test_an_application_signs_in_with_a_token_of_its_key(keys: list[rsa.RSAPrivateKey]) -> None:
    now, current = [1_732_147_200_000], [pem(keys[0])]
    provider = Vonage("sms", Secret(lambda: current[0]), "447700900001", application_id="app-1", clock=lambda: now[0])
    request = provider.build([PLAIN])
    assert "authorization" not in request.headers
    assert provider.auth is not None

    def signed() -> str:
        (sent,) = provider.auth.auth_flow(request)  # type: ignore[union-attr]
        scheme, _, token = sent.headers["authorization"].partition(" ")
        assert scheme == "Bearer"
        return token

    first = signed()
    claims = jwt.decode(first, keys[0].public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
    assert (claims["application_id"], claims["iat"], claims["exp"]) == ("app-1", 1_732_147_200, 1_732_148_100)
    assert claims["jti"]
    now[0] += 839_000
    assert signed() == first
    now[0] += 2_000  # less than a minute left
    second = signed()
    assert second != first
    current[0] = pem(keys[1])
    jwt.decode(signed(), keys[1].public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})


def test_a_key_that_is_none_is_not_shown(keys: list[rsa.RSAPrivateKey]) -> None:
    provider = Vonage("sms", Secret("hunter2"), "447700900001", application_id="app-1")
    assert provider.auth is not None
    with pytest.raises(Exception) as caught:  # noqa: PT011
        list(provider.auth.auth_flow(provider.build([PLAIN])))
    assert "hunter2" not in str(caught.value)


def test_it_signs_in_in_one_way() -> None:
    for options in ({"api_key": ""}, {"application_id": "app-1"}):
        with pytest.raises(DeclarationError, match="either api_key or application_id must be given"):
            vonage(**options)


def test_it_is_made_from_the_configuration() -> None:
    options = {
        "secret": "s",
        "sender": "Shop",
        "api_key": "k",
        "whatsapp": True,
        "templates": {"news": {"name": "shop:news", "locale": "de"}},
    }
    (route,) = routes_of(load({"channels": {"sms": [{"kind": "vonage", "options": options}]}}), "sms").values()
    assert isinstance(route.provider, Vonage)
    assert msgspec.json.decode(route.provider.build([changed(category="news")]).content)["from"] == "Shop"


def test_the_published_answer() -> None:
    assert read(202, {"message_uuid": UUID}) == Accepted(UUID)
    assert read(202, {"message_uuid": UUID, "workflow_id": "3TcNjguHxr2vcCZ9Ddsnq6tw8yQUpZ9rMHv9QXSxLan5ibMxqSzLdx9"}) == Accepted(UUID)


DEAD = Rejected("", address_dead=True)
NO, ELSEWHERE, LATER, DOWN, OURS, OPEN = Rejected(""), Unsupported(""), Throttled(), Unavailable(), Unavailable(config=True), Unknown()
LISTED: dict[Any, list[int | str]] = {
    "no": [1010, 1020, 1021, 1022, 1040, 1090, 1130, 1150, 1180, 1200, 1210, 1220, 1260, 1270, 1280, 1282, 1290, 1300, 1310, 1340, 1360,
           1380, 1381, 1382, 1410, 1440, 1450, 1451, 1461, 1470, 1473, 1483, "invalid-params", "invalid-json"],
    "dead": [1050, 1170, 1190, 1240, 1430],
    "elsewhere": [1120, 1250, 1251],
    "later": [1000, 1241, 1460, 1472],
    "down": [1030, 1100, 1230, 1331, "internal-error"],
    "ours": [1060, 1070, 1080, 1140, 1160, 1350, 1370, 1400, 1420, 1480, 1481, 1482, 1484, "low-balance", "unauthorized", "forbidden",
             "not-found", "unprovisioned", "account-suspended", "jwt-expired", "jwt-revoked", "invalid-api-key", "invalid-signature",
             "invalid-id", "wrong-verb", "accept-header", "content-type-header"],
    "open": [1320, 1330],
}  # fmt: skip
"""https://developer.vonage.com/en/api-errors/messages and https://developer.vonage.com/en/api-errors, all of them."""
MEAN = {"no": NO, "dead": DEAD, "elsewhere": ELSEWHERE, "later": LATER, "down": DOWN, "ours": OURS, "open": OPEN}


@pytest.mark.parametrize(("code", "expected"), [(code, MEAN[name]) for name, codes in LISTED.items() for code in codes])
def test_a_listed_error_is_an_outcome(code: int | str, expected: Outcome) -> None:
    kind = f"https://developer.vonage.com/api-errors{'/messages' if isinstance(code, int) else ''}#{code}"
    outcome = read(422, {"type": kind, "title": "Title", "detail": "Some words.", "instance": "bf0c"}, {"retry-after": "3"})
    assert type(outcome) is type(expected)
    assert getattr(outcome, "address_dead", False) == getattr(expected, "address_dead", False)
    assert getattr(outcome, "config", False) == getattr(expected, "config", False)
    assert getattr(outcome, "retry_after_ms", 3_000) == 3_000
    assert f"{code} Title: Some words." in outcome.detail  # type: ignore[union-attr]


def test_the_table_is_the_list() -> None:
    assert {str(code) for codes in LISTED.values() for code in codes} == MESSAGES.keys() | GENERIC.keys()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"type": "https://developer.nexmo.com/api-errors/#unauthorized", "title": "Unauthorized"}, Unavailable),
        (402, {}, Unavailable),
        (422, {"type": "https://developer.vonage.com/api-errors/messages#9999", "title": "New"}, Rejected),
        (429, {}, Throttled),
        (500, {"title": 7}, Unavailable),
        (504, {}, Unknown),
        (200, {"message_uuid": UUID}, Unknown),
        (202, {"message_uuid": None}, Unknown),
    ],
)
def test_else_the_status_says_it(status: int, body: Any, expected: type[Outcome]) -> None:
    assert type(read(status, body)) is expected
