"""Webhooks: what is posted, where it may go, and what the specification makes of each status."""

from typing import Any

import httpx
import msgspec
import pytest

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import DeclarationError, RegistryError
from providers.guarded import GUARD
from providers.registry import load, routes_of
from providers.secret import Secret
from providers.ssrf import Guard
from providers.webhook import Webhook
from schemas.records import ChatOverrides

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLAIN = Message(
    message_id="b.0.1",
    notification_id="n-1",
    user_id="u-1",
    address="https://hooks.example.com/u-1?token=secret",
    sent_at=1_732_147_200_123,
    body="It is on its way",
)


def webhook(**options: Any) -> Webhook:
    return Webhook("chat", Secret(KEY), **options)


def read(status: int, headers: dict[str, str] | None = None, body: bytes = b"words") -> Outcome:
    (outcome,) = webhook().parse([PLAIN], httpx.Response(status, content=body, headers=headers))
    return outcome


def test_a_plain_message_is_a_small_event() -> None:
    request = webhook().build([PLAIN])
    assert (request.method, str(request.url)) == ("POST", PLAIN.address)
    assert msgspec.json.decode(request.content) == {
        "type": "notification.sent",
        "timestamp": "2024-11-21T00:00:00.123Z",
        "data": {
            "message_id": "b.0.1",
            "notification_id": "n-1",
            "user_id": "u-1",
            "priority": "normal",
            "body": "It is on its way",
        },
    }
    assert request.headers["webhook-id"] == "b_0_1"
    assert request.headers["content-type"] == "application/json"


def test_all_a_message_has_is_in_the_event() -> None:
    message = msgspec.structs.replace(
        PLAIN,
        title="Order",
        data={"order": "17", "name": "Ann \u2603"},
        expires_at=1_732_147_201_000,
        chat=ChatOverrides(link="https://example.com/o", image="https://example.com/i.png", thread="t"),
    )
    data = msgspec.json.decode(webhook().build([message]).content)["data"]
    assert data["data"] == {"order": "17", "name": "Ann \u2603"}
    assert (data["title"], data["expires_at"]) == ("Order", "2024-11-21T00:00:01.000Z")
    assert (data["link"], data["image"], data["thread"]) == ("https://example.com/o", "https://example.com/i.png", "t")


def test_a_repeat_has_the_same_id_and_body() -> None:
    first, again = webhook().build([PLAIN]), webhook().build([PLAIN])
    assert (first.headers["webhook-id"], first.content) == (again.headers["webhook-id"], again.content)


def test_it_goes_only_where_it_may() -> None:
    assert webhook().declaration.guarded
    assert webhook().build([PLAIN]).extensions[GUARD] == Guard()
    opened = webhook(allow_http=True, ports=(80,), networks=("10.0.0.0/8",))
    assert opened.build([PLAIN]).extensions[GUARD] == Guard(http=True, ports=(80,), networks=("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("", "is not https"),
        ("u-1", "is not https"),
        ("https://[", "has no host"),
        ("http://hooks.example.com/secret", "is not https"),
        ("https://user:secret@hooks.example.com/", "has a user name"),
        ("https://169.254.169.254/secret", "is not public"),
        ("https://2130706433/secret", "has a host that is no name"),
        ("https://x:port/secret", "is no URL"),
        ("https://hooks.example.com/\x00secret", "is no URL"),
    ],
)
def test_an_address_that_is_none_is_dead_and_not_shown(address: str, fault: str) -> None:
    message = msgspec.structs.replace(PLAIN, address=address)
    outcome = webhook().refused(message)
    assert outcome == Rejected("invalid_address", f"the address {fault}", address_dead=True)
    assert "secret" not in repr(outcome)
    assert isinstance(webhook().build([message]), httpx.Request)


def test_a_good_address_is_not_refused() -> None:
    assert webhook().refused(PLAIN) is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Accepted()),
        (201, Accepted()),
        (204, Accepted()),
        (299, Accepted()),
        (300, Rejected("redirected", "HTTP 300: words")),
        (301, Rejected("redirected", "HTTP 301: words")),
        (308, Rejected("redirected", "HTTP 308: words")),
        (400, Rejected("http_400", "HTTP 400: words")),
        (401, Unavailable("unauthorized: HTTP 401: words")),
        (403, Unavailable("forbidden: HTTP 403: words")),
        (404, Unavailable("not_found: HTTP 404: words")),
        (405, Unavailable("method_not_allowed: HTTP 405: words")),
        (408, Unavailable("HTTP 408: words")),
        (409, Rejected("http_409", "HTTP 409: words")),
        (410, Rejected("endpoint_gone", "HTTP 410: words", address_dead=True)),
        (413, Rejected("http_413", "HTTP 413: words")),
        (422, Rejected("http_422", "HTTP 422: words")),
        (429, Throttled(7_000, "rate_limit: HTTP 429: words")),
        (500, Unavailable("HTTP 500: words")),
        (502, Throttled(7_000, "overloaded: HTTP 502: words")),
        (503, Throttled(7_000, "HTTP 503: words")),
        (504, Unknown("HTTP 504: words")),
    ],
)
def test_the_status_says_it(status: int, expected: Outcome) -> None:
    """The specification, "Delivery success and failure"."""
    assert read(status, {"Retry-After": "7"}) == expected


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 407, 410, 421, 426, 451])
def test_no_endpoint_can_say_that_our_settings_are_wrong(status: int) -> None:
    outcome = read(status)
    assert not (isinstance(outcome, Unavailable) and outcome.config)


def test_it_is_made_from_the_configuration() -> None:
    options = {"secret": "${KEY}", "ports": [443, 9443], "networks": ["10.0.0.0/8"], "event_type": "shop.told"}
    (route,) = routes_of(load({"channels": {"chat": [{"kind": "webhook", "options": options}]}}, {"KEY": KEY}), "chat").values()
    assert isinstance(route.provider, Webhook)
    assert route.provider.declaration.platforms == {"webhook"}
    assert msgspec.json.decode(route.provider.build([PLAIN]).content)["type"] == "shop.told"
    with pytest.raises(RegistryError, match="webhook: secret: a key must begin with whsec_") as caught:
        load({"channels": {"chat": [{"kind": "webhook", "options": {"secret": "hunter2"}}]}})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(DeclarationError, match="networks"):
        webhook(networks=("everything",))


def test_on_another_channel_it_takes_what_comes() -> None:
    assert Webhook("sms", Secret(KEY)).declaration.platforms == frozenset()
