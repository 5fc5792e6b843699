"""SendGrid's v3 Mail Send, as https://www.twilio.com/docs/sendgrid/api-reference/mail-send describes it."""

import json
import re
from base64 import b64decode
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, rejects, throttles

KEY = "SG.key"
SENDER = "shop@example.com"
RESERVED = {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
RESERVED |= {"to", "from", "subject", "reply-to", "cc", "bcc"}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def errors(message: str, field: str | None = None) -> str:
    return json.dumps({"errors": [{"message": message, "field": field, "help": None}]})


class SendGridEmulator(Emulator):
    refusals = {
        "unauthorized": Refusal(401, errors("The provided authorization grant is invalid, expired, or revoked"), blames_us),
        "forbidden": Refusal(403, errors("access forbidden"), blames_us),
        "sender": Refusal(403, errors("The from address does not match a verified Sender Identity.", "from"), blames_us),
        "too large": Refusal(413, errors("Payload too large"), rejects),
        "rate": Refusal(429, errors("too many requests"), throttles),
        "server error": Refusal(500, errors("Internal server error"), is_down),
        "down": Refusal(503, "", is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.bodies: list[dict[str, Any]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) != ("POST", "/v3/mail/send"):
            return web.Response(status=404, text=errors("Not Found"))
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return web.Response(status=401, text=errors("The provided authorization grant is invalid, expired, or revoked"))
        if request.content_type != "application/json":
            return web.Response(status=415, text=errors("Content-Type should be application/json."))
        body = json.loads(await request.read())
        if fault := _fault(body):
            return web.Response(status=400, text=errors(*fault))
        self.bodies.append(body)
        self.taken += [one["to"][0]["email"] for one in body["personalizations"]]
        return web.Response(status=202, headers={"x-message-id": f"sg-{len(self.bodies)}"})

    def missing(self, message: Message) -> list[str]:
        body, email = self.bodies[-1], message.email
        (one,) = body["personalizations"]
        headers = one.get("headers") or body.get("headers") or {}  # fields of a personalization override those of the request
        expected: list[tuple[str, Any, Any]] = [
            ("to", one["to"], [{"email": message.address}]),
            ("ref", one["custom_args"]["ref"], message.ref),
            ("subject", body["subject"], message.subject),
            ("text", body["content"][0], {"type": "text/plain", "value": message.body}),
            ("html", body["content"][1], {"type": "text/html", "value": message.html}),
            ("from", body["from"], {"email": SENDER, "name": email.from_name}),
            ("reply_to", body["reply_to_list"], [{"email": address} for address in email.reply_to]),
            ("cc", one["cc"], [{"email": address} for address in email.cc]),
            ("bcc", one["bcc"], [{"email": address} for address in email.bcc]),
            ("headers", {name: headers.get(name) for name in email.headers}, email.headers),
            ("unsubscribe", headers["List-Unsubscribe"], f"<{message.unsubscribe}>"),
            ("one click", headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click"),
            ("files", [b64decode(each["content"]) for each in body["attachments"]], [each.content for each in email.attachments]),
            ("inline", body["attachments"][1]["content_id"], email.attachments[1].content_id),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _fault(body: dict[str, Any]) -> tuple[str, str] | None:
    """The documented error of a body, and its field."""
    many = body.get("personalizations") or []
    if not 1 <= len(many) <= 1000:
        return "The personalization block is limited to 1000 personalizations per API request.", "personalizations"
    recipients = [entry["email"] for one in many for kind in ("to", "cc", "bcc") for entry in one.get(kind, [])]
    if len(recipients) > 1000:
        return "There is a limit of 1000 total recipients (to + cc + bcc) per request.", "personalizations"
    for index, one in enumerate(many):
        if not one.get("to") or not _ADDRESS.fullmatch(one["to"][0].get("email", "")):
            return "Does not contain a valid address.", f"personalizations.{index}.to.0.email"
        here = [entry["email"].lower() for kind in ("to", "cc", "bcc") for entry in one.get(kind, [])]
        if len(set(here)) < len(here):
            return "Each email address in the personalization block should be unique between to, cc, and bcc.", f"personalizations.{index}"
        if len(json.dumps(one.get("custom_args", {}))) > 10_000:
            return "The total length of custom arguments must be less than 10,000 bytes.", f"personalizations.{index}.custom_args"
        if fault := _header_fault(one.get("headers", {})):
            return fault, f"personalizations.{index}.headers"
    tos = [one["to"][0]["email"].lower() for one in many]
    if len(set(tos)) < len(tos):
        return "Each unique email address in the personalizations array should only be included once.", "personalizations"
    if body.get("from", {}).get("email") != SENDER:
        return "The from address does not match a verified Sender Identity.", "from"
    if not body.get("subject"):
        return "The subject is required.", "subject"
    if fault := _header_fault(body.get("headers", {})):
        return fault, "headers"
    if any(not category.isascii() or len(category) > 255 for category in body.get("categories", [])):
        return "Categories can not contain non-ASCII characters.", "categories"
    types = [part["type"] for part in body.get("content") or []]
    if not types or not all(part["value"] for part in body["content"]):
        return "The content value must be a string at least one character in length.", "content"
    if "text/plain" in types[1:]:
        return "If present, text/plain and text/html may only be provided once, and text/plain must be first.", "content"
    return None


def _header_fault(headers: dict[str, str]) -> str:
    if any(not name.isascii() or " " in name for name in headers):
        return "Header keys can't contain non-ASCII characters or empty spaces."
    if any(name.lower() in RESERVED for name in headers):
        return "Header can't be one of the reserved keys."
    return "The headers can't contain duplicate keys." if len({name.lower() for name in headers}) < len(headers) else ""
