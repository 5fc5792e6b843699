"""A receiver of webhooks as Standard Webhooks 1.0.0 tells receivers to be.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: it checks the signature over id, timestamp and
body, that the timestamp is near, and knows by the id what it had before. The answers are those of "Delivery success and failure".
"""

import hashlib
import hmac
import json
import re
import time
from base64 import b64decode, b64encode
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, ends_the_address, is_down, leaves_open, rejects, throttles

KEY, OTHER_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
TOLERANCE_S = 300


class Receiver(Emulator):
    refusals = {
        "moved": Refusal(301, "", rejects, {"location": "/hooks/elsewhere"}),
        "moved for now": Refusal(307, "", rejects, {"location": "http://169.254.169.254/latest/meta-data/"}),
        "not understood": Refusal(400, "what?", rejects),
        "forbidden": Refusal(403, "", is_down),
        "not found": Refusal(404, "", is_down),
        "gone": Refusal(410, "", ends_the_address),
        "too much": Refusal(429, "", throttles, {"retry-after": "30"}),
        "error": Refusal(500, "oops", is_down),
        "bad gateway": Refusal(502, "", throttles),
        "down": Refusal(503, "", is_down),
        "down for a while": Refusal(503, "", throttles, {"retry-after": "30"}),
        "gateway time-out": Refusal(504, "", leaves_open),
    }

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, dict[str, Any]] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.method != "POST":
            return web.Response(status=405)
        if not _is_signed(request, body):
            return web.Response(status=401, text="the signature does not match")
        if request.path == "/hooks/gone":
            return web.Response(status=410)
        message_id = request.headers["webhook-id"]
        self._look_at(request, message_id, body)
        self.events[message_id] = json.loads(body)
        self.taken.append(f"{self.base_url}{request.path_qs}")
        return web.Response(status=204)

    def missing(self, message: Message) -> list[str]:
        event = self.events[message.message_id.replace(".", "_")]
        data, chat = event["data"], message.chat
        expected: list[tuple[str, Any, Any]] = [
            ("type", event["type"], "notification.sent"),
            ("time", event["timestamp"], "2024-11-21T00:00:00.000Z"),
            ("message_id", data["message_id"], message.message_id),
            ("notification_id", data["notification_id"], message.notification_id),
            ("user_id", data["user_id"], message.user_id),
            ("category", data["category"], message.category),
            ("priority", data["priority"], message.priority),
            ("expires_at", data["expires_at"], "2024-11-21T01:00:00.000Z"),
            ("texts", [data[name] for name in ("subject", "title", "body", "html", "unsubscribe")], [
                message.subject, message.title, message.body, message.html, message.unsubscribe,
            ]),
            ("chat", [data[name] for name in ("link", "image", "thread")], [chat.link, chat.image, chat.thread]),
        ]  # fmt: skip
        return [name for name, arrived, wanted in expected if arrived != wanted]

    def _look_at(self, request: web.BaseRequest, message_id: str, body: bytes) -> None:
        if "." in message_id:
            self.complaints.append(f"a full stop in the id {message_id}")
        if message_id in self.events:
            self.complaints.append(f"{message_id} came before")
        if request.content_type != "application/json":
            self.complaints.append(f"content-type {request.content_type}")
        if not re.fullmatch(r"[a-zA-Z0-9_.]+", json.loads(body)["type"]):
            self.complaints.append("the type is not of [a-zA-Z0-9_] and full stops")
        if len(body) > 20_000:
            self.complaints.append("more than 20 kb")


def _is_signed(request: web.BaseRequest, body: bytes) -> bool:
    message_id, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    digest = hmac.new(b64decode(KEY.removeprefix("whsec_")), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signatures = [signature.partition(",") for signature in request.headers.get("webhook-signature", "").split(" ")]
    expected = b64encode(digest).decode()
    return any(version == "v1" and hmac.compare_digest(signature, expected) for version, _, signature in signatures)
