"""Workflows of Teams: the card, its limit, where it may go, and what the answers mean."""

import json
from typing import Any

import httpx
import msgspec
import pytest

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.guarded import GUARD
from providers.registry import load, routes_of
from providers.ssrf import Guard
from providers.teams import HOSTS, Teams
from providers.teams_card import LARGEST
from schemas.records import ChatOverrides

URL = (
    "https://prod-28.westeurope.logic.azure.com:443/workflows/0a1cf518606447afaa5483dfb2355c3f/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-B_c%2Bd%3D"
)
PLAIN = Message(message_id="b.0.0", notification_id="n", user_id="u", address=URL, body="It is on its way")
TEAMS = Teams("chat")


def card_of(message: Message) -> dict[str, Any]:
    body = msgspec.json.decode(TEAMS.build([message]).content)
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert (attachment["contentType"], attachment["contentUrl"]) == ("application/vnd.microsoft.card.adaptive", None)
    card: dict[str, Any] = attachment["content"]
    return card


def read(status: int, body: str = "", headers: dict[str, str] | None = None) -> Outcome:
    (outcome,) = TEAMS.parse([PLAIN], httpx.Response(status, content=body.encode(), headers=headers))
    return outcome


def run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text} | style


def test_the_envelope_is_the_published_one() -> None:
    """https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, "Send Adaptive Cards"."""
    assert card_of(PLAIN) == {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [{"type": "RichTextBlock", "inlines": [run("It is on its way")], "spacing": "Default"}],
    }


def test_the_url_is_called_as_it_is() -> None:
    """Its signature covers the percent-encoded parameters."""
    request = TEAMS.build([PLAIN])
    assert (request.method, request.url.raw_path.decode()) == ("POST", URL.partition(":443")[2])
    assert request.extensions[GUARD] == Guard(ports=(443,), hosts=HOSTS)
    assert TEAMS.declaration.guarded


def test_a_rich_message_has_all_of_it_and_no_markdown() -> None:
    chat = ChatOverrides(link="https://x.example/o?a=1", image="https://x.example/i.png")
    card = card_of(msgspec.structs.replace(PLAIN, title="Order", body="[pay](https://evil.example)\nsoon\n\nThanks", chat=chat))
    assert card["body"] == [
        {"type": "RichTextBlock", "inlines": [run("Order", size="Large", weight="Bolder")]},
        {"type": "RichTextBlock", "inlines": [run("[pay](https://evil.example)")], "spacing": "Default"},
        {"type": "RichTextBlock", "inlines": [run("soon")], "spacing": "None"},
        {"type": "RichTextBlock", "inlines": [run("Thanks")], "spacing": "Default"},
        {"type": "Image", "url": "https://x.example/i.png", "altText": "Order"},
    ]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": "https://x.example/o?a=1"}]


@pytest.mark.parametrize(
    "address",
    [
        URL,
        "https://default0a1b.2c.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/x/triggers/manual?sig=s",
    ],
)
def test_an_address_of_a_workflow_is_taken(address: str) -> None:
    assert TEAMS.refused(msgspec.structs.replace(PLAIN, address=address)) is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("", "is not https"),
        ("19:meeting@thread.v2", "is not https"),
        (URL.replace("https", "http"), "is not https"),
        (URL.replace(":443", ":8443"), "has a port that is not allowed"),
        ("https://contoso.webhook.office.com/webhookb2/secret/IncomingWebhook/secret", "has a host that is not allowed"),
        ("https://logic.azure.com.evil.example/secret", "has a host that is not allowed"),
        ("https://169.254.169.254/secret", "has a host that is not allowed"),
        ("https://x:port/secret", "is no URL"),
    ],
)
def test_another_address_is_dead_and_not_shown(address: str, fault: str) -> None:
    message = msgspec.structs.replace(PLAIN, address=address)
    assert TEAMS.refused(message) == Rejected("invalid_address", f"the address {fault}", address_dead=True)
    assert isinstance(TEAMS.build([message]), httpx.Request)


@pytest.mark.parametrize("body", ["a" * 27_200, '"' * 6_000, "é" * 13_000, "\n".join(["line"] * 150)])
def test_what_is_taken_is_within_what_teams_takes(body: str) -> None:
    message = msgspec.structs.replace(PLAIN, body=body)
    assert TEAMS.refused(message) is None
    assert len(json.dumps(json.dumps(card_of(message), ensure_ascii=False), ensure_ascii=False).encode()) < LARGEST


@pytest.mark.parametrize("body", ["a" * 28_000, '"' * 9_000, "é" * 14_000, "\n".join(["line"] * 400)])
def test_what_teams_would_not_show_is_refused(body: str) -> None:
    outcome = TEAMS.refused(msgspec.structs.replace(PLAIN, body=body))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "too_large"


def error(code: str, message: str = "") -> str:
    return json.dumps({"error": {"code": code, "message": message or f"see {URL}"}})


OFF = "Could not execute workflow '0a1c' trigger 'manual' with state '{}': trigger is not enabled."


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "", Accepted("run-1")),
        (202, "", Accepted("run-1")),
        (400, error("WorkflowTriggerIsNotEnabled", OFF.format("Disabled")), Rejected("workflow_off")),
        (400, error("WorkflowTriggerIsNotEnabled", OFF.format("Deleted")), Rejected("workflow_gone", address_dead=True)),
        (400, error("TriggerInputSchemaMismatch"), Rejected("other_schema")),
        (400, error("SomethingNew"), Rejected("bad_request")),
        (401, error("DirectApiAuthorizationRequired"), Rejected("url_incomplete")),
        (401, error("DirectApiInvalidAuthorizationSignature"), Rejected("url_revoked", address_dead=True)),
        (401, "", Rejected("unauthorized")),
        (403, "", Rejected("forbidden")),
        (404, error("WorkflowNotFound"), Rejected("workflow_gone", address_dead=True)),
        (404, "", Rejected("workflow_gone", address_dead=True)),
        (410, "", Rejected("workflow_gone", address_dead=True)),
        (413, "", Rejected("too_large")),
        (429, error("WorkflowRunsThrottled"), Throttled(30_000)),
        (302, f"moved from {URL}", Unavailable()),
        (500, error("InternalServerError"), Unavailable()),
        (502, f"<html>{URL}</html>", Unavailable()),
        (503, "", Throttled(30_000)),
        (504, "", Unknown()),
    ],
)
def test_an_answer_is_an_outcome_without_the_url(status: int, body: str, expected: Outcome) -> None:
    outcome = read(status, body, {"x-ms-workflow-run-id": "run-1", "retry-after": "30"})
    assert type(outcome) is type(expected)
    for field in ("provider_message_id", "reason", "address_dead", "retry_after_ms", "config"):
        assert getattr(outcome, field, None) == getattr(expected, field, None)
    assert "sig=" not in repr(outcome)
    assert "workflows/" not in repr(outcome)


def test_it_is_made_from_the_configuration() -> None:
    options = {"hosts": ["logic.azure.us"], "link_title": "Öffnen"}
    (route,) = routes_of(load({"channels": {"chat": [{"kind": "teams", "options": options}]}}), "chat").values()
    assert isinstance(route.provider, Teams)
    assert route.provider.refused(msgspec.structs.replace(PLAIN, address="https://x.logic.azure.us/w")) is None
