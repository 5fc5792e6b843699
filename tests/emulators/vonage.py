"""Vonage's Messages API, as https://developer.vonage.com/en/api/messages (v1) describes it, with Basic sign-in."""

import json
import re
from base64 import b64encode
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, blames_us, ends_the_address, is_down, leaves_it_to_others, rejects, throttles

API_KEY, KEY, SENDER = "abcd1234", "s3cr3t-0f3a", "447700900001"
BARRED = "+447700900099"
OF_MESSAGES, GENERIC = "https://developer.vonage.com/api-errors/messages#", "https://developer.vonage.com/api-errors#"
COMMON = {"to", "from", "channel", "message_type", "client_ref", "webhook_url", "webhook_version"}
OWN = {"sms": {"text", "ttl", "sms"}, "mms": {"image", "video", "ttl"}, "whatsapp": {"text", "image", "video", "template", "whatsapp"}}


def error(kind: str, title: str, detail: str) -> str:
    return json.dumps({"type": kind, "title": title, "detail": detail, "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf"})


UNAUTHORIZED = error(f"{GENERIC}unauthorized", "Unauthorized", "You did not provide correct credentials.")
LOW_BALANCE = error(f"{GENERIC}low-balance", "Low balance", "This request could not be performed due to your account balance being low.")
RECIPIENT = error(f"{OF_MESSAGES}1430", "Invalid recipient", "The `to` parameter is invalid for the given channel.")
PARAMS = error(f"{OF_MESSAGES}1020", "Invalid params", "The value of one or more parameters is invalid.")


class VonageEmulator(Emulator):
    refusals = {
        "unauthorized": Refusal(401, UNAUTHORIZED, blames_us),
        "balance": Refusal(402, LOW_BALANCE, blames_us),
        "sender": Refusal(422, error(f"{OF_MESSAGES}1420", "Invalid sender", "The `from` parameter is invalid."), blames_us),
        "recipient": Refusal(422, RECIPIENT, ends_the_address),
        "params": Refusal(422, PARAMS, rejects),
        "unroutable": Refusal(422, error(f"{OF_MESSAGES}1250", "Unroutable", "The chosen route is not available."), leaves_it_to_others),
        "too many": Refusal(429, error(f"{OF_MESSAGES}1000", "Throttled", "You have exceeded the submission capacity."), throttles),
        "throttled": Refusal(429, "", throttles, {"retry-after": "1"}),
        "error": Refusal(500, error(f"{OF_MESSAGES}1030", "Internal error", "There was an error processing your request."), is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) != ("POST", "/v1/messages"):
            return web.Response(status=404, text=error(f"{GENERIC}not-found", "Not Found", "The requested resource does not exist"))
        if request.headers.get("authorization") != "Basic " + b64encode(f"{API_KEY}:{KEY}".encode()).decode():
            return web.Response(status=401, text=UNAUTHORIZED)
        if request.content_type != "application/json":
            self.complaints.append(f"content-type {request.content_type}")
        body = json.loads(await request.read())
        if fault := self._fault(body):
            return web.Response(status=422, text=fault)
        self.bodies.append(body)
        self.taken.append(f"+{body['to']}")
        return web.Response(status=202, text=json.dumps({"message_uuid": f"aaaaaaaa-bbbb-4ccc-8ddd-{len(self.bodies):012d}"}))

    def missing(self, message: Message) -> list[str]:
        body = self.bodies[-1]
        assert message.expires_at is not None
        expected: list[tuple[str, Any, Any]] = [
            ("to", body["to"], message.address.removeprefix("+")),
            ("from", body["from"], SENDER),
            ("channel", (body["channel"], body["message_type"]), ("mms", "image")),
            ("text and media", body["image"], {"url": message.sms.media[0], "caption": message.body}),
            ("ref", body["client_ref"], message.ref),
            ("callback", body["webhook_url"], "https://carillon.example.com/feedback/vonage"),
            ("life", body["ttl"], (message.expires_at - message.sent_at) // 1000),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]

    def _fault(self, body: dict[str, Any]) -> str:
        if not re.fullmatch(r"[1-9]\d{6,14}", body.get("to", "")):
            return RECIPIENT
        if f"+{body['to']}" == BARRED:
            return error(f"{OF_MESSAGES}1050", "Number barred", "The number you are trying to submit to is blacklisted.")
        self.complaints += [f"unknown field {name}" for name in body.keys() - COMMON - OWN.get(body["channel"], set())]
        if body["message_type"] not in body and body["message_type"] != "template":
            return PARAMS
        if len(body.get("client_ref", "")) > 100:
            return error(f"{OF_MESSAGES}1450", "Invalid client reference", "The client reference can be a string of up to 100 characters.")
        long = len(body.get("text", "")) > 1000 or len(body.get("image", {}).get("caption", "")) > 2000
        return PARAMS if long or (body["channel"] == "mms" and not 300 <= body.get("ttl", 300) <= 259_200) else ""
