"""Twilio's Messages resource, as https://www.twilio.com/docs/messaging/api/message-resource describes it.

Refusals: https://www.twilio.com/docs/usage/twilios-response. The numbers that are refused are those of
https://www.twilio.com/docs/iam/test-credentials#test-sms-messages, and mean what they do there.
"""

import json
import re
from base64 import b64encode
from urllib.parse import parse_qs, parse_qsl, urlsplit

from aiohttp import web

from providers.base import Message
from providers.segments import count
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, leaves_it_to_others, rejects, throttles

ACCOUNT, KEY = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "auth-token-0f3a"
SENDER = "+15017122661"
MAGIC = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": (21612, "The 'To' phone number: +15005550002, is not currently reachable using the 'From' phone number via SMS."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: +15005550003"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number: +15005550009, is not a valid mobile number"),
}
KNOWN = {"To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback", "ValidityPeriod", "ContentSid", "ContentVariables"}


def error(code: int, message: str, status: int = 400) -> str:
    return json.dumps({"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status})


class TwilioEmulator(Emulator):
    refusals = {
        "unauthorized": Refusal(401, error(20003, "Authenticate", 401), blames_us),
        "no such account": Refusal(404, error(20404, "The requested resource was not found", 404), blames_us),
        "too many": Refusal(429, error(20429, "Too Many Requests", 429), throttles),
        "queue": Refusal(429, error(21611, "This 'From' number has exceeded the maximum number of queued messages"), throttles),
        "sender": Refusal(400, error(21606, "The 'From' phone number provided is not a valid message-capable number"), blames_us),
        "region": Refusal(400, error(21408, "Permission to send an SMS has not been enabled for the region"), leaves_it_to_others),
        "too long": Refusal(400, error(21617, "The concatenated message body exceeds the 1600 character limit"), rejects),
        "server error": Refusal(500, error(20500, "An internal server error has occurred", 500), is_down),
        "down": Refusal(503, error(20503, "Service unavailable", 503), is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, list[str]]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) != ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"):
            return _answer(404, error(20404, f"The requested resource {request.path} was not found", 404))
        if request.headers.get("authorization") != "Basic " + b64encode(f"{ACCOUNT}:{KEY}".encode()).decode():
            return _answer(401, error(20003, "Authentication Error - invalid username", 401))
        if request.content_type != "application/x-www-form-urlencoded":
            self.complaints.append(f"content-type {request.content_type}")
        form = parse_qs((await request.read()).decode(), keep_blank_values=True, strict_parsing=True)
        if fault := self._fault(form):
            return _answer(400, error(*fault))
        self.forms.append(form)
        self.taken.append(form["To"][0])
        return _answer(201, json.dumps(_resource(form, len(self.forms))))

    def missing(self, message: Message) -> list[str]:
        form = self.forms[-1]
        callback = urlsplit(form["StatusCallback"][0])
        assert message.expires_at is not None
        expected = [
            ("to", form["To"], [message.address]),
            ("from", form["From"], [SENDER]),
            ("text", form["Body"], [message.body]),
            ("media", form["MediaUrl"], message.sms.media),
            ("ref", dict(parse_qsl(callback.query)), {"v": "1", "ref": message.ref}),
            ("callback", callback.netloc + callback.path, "carillon.example.com/feedback/twilio"),
            ("life", form["ValidityPeriod"], [str((message.expires_at - message.sent_at) // 1000)]),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]

    def _fault(self, form: dict[str, list[str]]) -> tuple[int, str] | None:
        self.complaints += [f"unknown parameter {name}" for name in form.keys() - KNOWN]
        self.complaints += [f"{name} is there twice" for name, values in form.items() if len(values) > 1 and name != "MediaUrl"]
        to, body = form.get("To", [""])[0], form.get("Body", [""])[0]
        if not to:
            return 21604, "A 'To' phone number is required."
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            return 21211, f"Invalid 'To' Phone Number: {to}"
        if form.get("From") != [SENDER]:
            return 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination."
        if not body and "MediaUrl" not in form:
            return 21619, "A text message body or media urls must be specified."
        if len(body) > 1600:
            return 21617, "The concatenated message body exceeds the 1600 character limit"
        if len(form.get("MediaUrl", [])) > 10:
            return 21623, "Number of media files exceeds allowed limit"
        if not 1 <= int(form.get("ValidityPeriod", ["36000"])[0]) <= 36_000:
            return 21624, "Invalid validity period value"
        return MAGIC.get(to)


def _resource(form: dict[str, list[str]], number: int) -> dict[str, object]:
    """https://www.twilio.com/docs/messaging/api/message-resource#message-properties"""
    return {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": form.get("Body", [""])[0],
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": SENDER,
        "messaging_service_sid": None,
        "num_media": str(len(form.get("MediaUrl", []))),
        "num_segments": str(count(form.get("Body", [""])[0])),
        "price": None,
        "price_unit": "USD",
        "sid": f"SM{number:032x}",
        "status": "queued",
        "to": form["To"][0],
    }


def _answer(status: int, body: str) -> web.Response:
    return web.Response(status=status, text=body, content_type="application/json")
