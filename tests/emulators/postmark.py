"""Postmark's batch endpoint, as https://postmarkapp.com/developer/api/email-api#send-batch-emails describes it."""

import json
import re
from base64 import b64decode
from email.utils import parseaddr
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, leaves_open, throttles

KEY = "e84c508a-5a16-4f2c-b0d7-2a2f4c2f1c11"
SENDER = "shop@example.com"
STREAM = "outbound"
INACTIVE = "inactive@example.com"
# https://postmarkapp.com/support/article/1180-what-does-errorcode-300-mean; it is silent on case, and folds it
_MAILBOX = re.compile(r"[a-z0-9.!#$%&'`*+\-/=^_{}|~]+", re.IGNORECASE)
_DOMAIN = re.compile(r"(\.?[a-zA-Z0-9-])+")
_FORBIDDEN_FILES = (".exe", ".bat", ".vbs")  # some; the whole list could not be had


def fault(code: int, message: str) -> str:
    return json.dumps({"ErrorCode": code, "Message": message})


class PostmarkEmulator(Emulator):
    refusals = {
        "token": Refusal(401, fault(10, "No Account or Server API tokens were supplied in the HTTP headers."), blames_us),
        "maintenance": Refusal(422, fault(100, "The Postmark API is offline for maintenance."), is_down),
        "sender": Refusal(422, fault(300, "Invalid 'From' address: 'shop@example.com' is not a verified sender signature."), blames_us),
        "signature": Refusal(
            422, fault(400, "You're trying to send email with a From address that doesn't have a sender signature."), blames_us
        ),
        "credits": Refusal(422, fault(405, "You ran out of credits."), blames_us),
        "json": Refusal(422, fault(402, "The JSON data you provided is syntactically incorrect."), is_down),
        "pending": Refusal(422, fault(412, "Account is Pending"), blames_us),
        "may not": Refusal(422, fault(413, "Account May Not Send"), blames_us),
        "stream": Refusal(422, fault(1235, "The 'MessageStream' provided does not exist on this server."), blames_us),
        "no such page": Refusal(404, "", blames_us),
        "headers": Refusal(415, fault(409, "Your HTTP request doesn't have the Accept and Content-Type headers set."), blames_us),
        "rate": Refusal(429, fault(429, "Rate Limit Exceeded"), throttles),
        "server error": Refusal(500, "", leaves_open),
        "outage": Refusal(503, "", is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.items: list[dict[str, Any]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) not in (("POST", "/email/batch"), ("GET", "/messages/outbound")):
            return web.Response(status=404)
        if request.headers.get("x-postmark-server-token") != self.key:
            return web.Response(
                status=401, text=fault(10, "The Server Token you provided in the X-Postmark-Server-Token header was invalid.")
            )
        if request.method == "GET":
            return self._found(request)
        if request.content_type != "application/json" or request.headers.get("accept") != "application/json":
            return web.Response(status=415, text=fault(409, "Your HTTP request doesn't have the Accept and Content-Type headers set."))
        items = json.loads(await request.read())
        if len(items) > 500:
            return web.Response(status=422, text=fault(410, "Batch sending is limited to 500 messages."))
        return web.json_response([self._answer_to(item) for item in items])

    def _found(self, request: web.BaseRequest) -> web.Response:
        """https://postmarkapp.com/developer/api/messages-api#outbound-message-search"""
        asked = request.query
        if not {"count", "offset"} <= asked.keys() or int(asked["count"]) > 500:
            return web.Response(status=422, text=fault(700, "count and offset are required"))
        wanted = {name.removeprefix("metadata_"): value for name, value in asked.items() if name.startswith("metadata_")}
        found = [
            {
                "MessageID": f"b7bc2f4a-{number}",
                "Recipients": [item["To"]],
                "ReceivedAt": "2014-02-20T07:25:01.4178645-05:00",
                "Status": "Sent",
                "Metadata": item["Metadata"],
            }
            for number, item in enumerate(self.items, 1)
            if wanted.items() <= item["Metadata"].items() and item["MessageStream"] == asked.get("messagestream", STREAM)
        ]
        return web.json_response({"TotalCount": len(found), "Messages": found[int(asked["offset"]) :][: int(asked["count"])]})

    def _answer_to(self, item: dict[str, Any]) -> dict[str, Any]:
        if wrong := _wrong(item):
            return {"ErrorCode": wrong[0], "Message": wrong[1]}
        self.items.append(item)
        self.taken.append(item["To"])
        sent = {"To": item["To"], "SubmittedAt": "2010-11-26T12:01:05.1794748-05:00", "MessageID": f"b7bc2f4a-{len(self.items)}"}
        return sent | {"ErrorCode": 0, "Message": "OK"}

    def missing(self, message: Message) -> list[str]:
        item, email = self.items[-1], message.email
        headers = {each["Name"]: each["Value"] for each in item["Headers"]}
        files = item["Attachments"]
        expected: list[tuple[str, Any, Any]] = [
            ("to", item["To"], message.address),
            ("ref", item["Metadata"]["ref"], message.ref),
            ("category", item["Tag"], message.category),
            ("subject", item["Subject"], message.subject),
            ("text", item["TextBody"], message.body),
            ("html", item["HtmlBody"], message.html),
            ("from", parseaddr(item["From"]), (email.from_name, SENDER)),
            ("reply to", item["ReplyTo"].split(", "), email.reply_to),
            ("cc", item["Cc"].split(", "), email.cc),
            ("bcc", item["Bcc"].split(", "), email.bcc),
            ("headers", {name: headers.get(name) for name in email.headers}, email.headers),
            ("unsubscribe", headers["List-Unsubscribe"], f"<{message.unsubscribe}>"),
            ("one click", headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click"),
            ("files", [b64decode(each["Content"]) for each in files], [each.content for each in email.attachments]),
            ("names", [each["Name"] for each in files], [each.filename for each in email.attachments]),
            ("types", [each["ContentType"] for each in files], [each.content_type for each in email.attachments]),
            ("inline", [each.get("ContentID") for each in files], [None, f"cid:{email.attachments[1].content_id}"]),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _wrong(item: dict[str, Any]) -> tuple[int, str] | None:
    """The documented code of an item, and its words."""
    if parseaddr(item.get("From", ""))[1] != SENDER:
        return 300, f"Invalid 'From' address: '{item.get('From')}' is not a verified sender signature."
    recipients = [each.strip() for kind in ("To", "Cc", "Bcc") for each in item.get(kind, "").split(",") if kind == "To" or each]
    if not _is_address(item.get("To", "")):
        return 300, f"Invalid 'To' address: '{item.get('To')}'."
    if bad := [each for each in recipients if not _is_address(each)]:
        return 300, f"Error parsing 'Cc': Illegal email address '{bad[0]}'."
    if len(recipients) > 50:
        return 300, "Maximum of 50 recipients allowed per email message."
    if INACTIVE in recipients:
        return 406, f"You tried to send to a recipient that has been marked as inactive.\nFound inactive addresses: {INACTIVE}."
    if not item.get("TextBody") and not item.get("HtmlBody"):
        return 300, "Provide either email TextBody or HtmlBody or both."
    if item.get("MessageStream", STREAM) != STREAM:
        return 1235, "The 'MessageStream' provided does not exist on this server."
    if len(item.get("Tag", "")) > 1000 or any(not isinstance(value, str) for value in item.get("Metadata", {}).values()):
        return 403, "Invalid request field(s)"
    if any(each["Name"].lower().endswith(_FORBIDDEN_FILES) for each in item.get("Attachments", [])):
        return 411, "Forbidden attachment type"
    return None


def _is_address(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    dotted = local.startswith(".") or local.endswith(".") or ".." in local
    return bool(at and _MAILBOX.fullmatch(local) and _DOMAIN.fullmatch(domain) and not dotted)
