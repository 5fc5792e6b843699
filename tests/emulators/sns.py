"""Amazon SNS's Publish to a phone number, as https://docs.aws.amazon.com/sns/latest/api/API_Publish.html describes it."""

import re
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from aiohttp import web

from providers.base import Message
from tests.emulators.aws import refusal_of
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, rejects, throttles

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
SENDER_ID = "TheShop"
_E164 = re.compile(r"\+[1-9]\d{1,14}")


def number(index: int) -> str:
    return f"+4915100000{index:03}"


def error(code: str, message: str) -> str:
    told = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return f'<ErrorResponse xmlns="{NAMESPACE}">{told}<RequestId>b25f48e8-84fd-11e6-80d9-574e0c4664cb</RequestId></ErrorResponse>'


class SnsEmulator(Emulator):
    refusals = {
        "denied": Refusal(403, error("AuthorizationError", "User is not authorized to perform: SNS:Publish"), blames_us),
        "internal": Refusal(500, error("InternalError", "Internal service error"), is_down),
        "too long": Refusal(400, error("InvalidParameter", "Invalid parameter: Message too long"), rejects),
        "region": Refusal(
            400, error("InvalidParameter", "Invalid parameter: PhoneNumber Reason: +491 is not valid to publish to"), rejects
        ),
        "throttled": Refusal(429, error("Throttled", "Throttled request"), throttles),
        "throttling": Refusal(400, error("Throttling", "Rate exceeded"), throttles),
        "security": Refusal(403, error("InvalidSecurity", "The credential signature isn't valid"), blames_us),
        "expired": Refusal(403, error("ExpiredToken", "The security token included in the request is expired"), blames_us),
        "down": Refusal(503, error("ServiceUnavailable", "Service Unavailable"), is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if await refusal_of(request, "sns"):
            return self._error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True, strict_parsing=True))
        if (form.get("Action"), form.get("Version")) != ("Publish", "2010-03-31"):
            return self._error(400, "InvalidAction", "The action or operation requested is invalid")
        if not _E164.fullmatch(form.get("PhoneNumber", "")):
            told = f"Invalid parameter: PhoneNumber Reason: {form.get('PhoneNumber')} is not valid to publish to"
            return self._error(400, "InvalidParameter", told)
        if fault := _fault(form):
            return self._error(400, "InvalidParameter", f"Invalid parameter: {fault}")
        self.forms.append(form)
        self.taken.append(form["PhoneNumber"])
        result = f"<PublishResult><MessageId>567910cd-659e-55d4-8ccb-{len(self.taken):012}</MessageId></PublishResult>"
        meta = "<ResponseMetadata><RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId></ResponseMetadata>"
        return web.Response(text=f'<PublishResponse xmlns="{NAMESPACE}">{result}{meta}</PublishResponse>', content_type="text/xml")

    def missing(self, message: Message) -> list[str]:
        form = self.forms[-1]
        attributes = attributes_of(form)
        expected = [
            ("to", form["PhoneNumber"], message.address),
            ("text", form["Message"], message.body),
            ("sender", attributes.get("AWS.SNS.SMS.SenderID"), ("String", SENDER_ID)),
            ("kind", attributes.get("AWS.SNS.SMS.SMSType"), ("String", "Transactional")),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]

    def _error(self, status: int, code: str, message: str) -> web.Response:
        return web.Response(status=status, text=error(code, message), content_type="text/xml")


def attributes_of(form: dict[str, str]) -> dict[str, tuple[str, str]]:
    """By name: type and value."""
    found = {}
    for index in range(1, 11):
        entry = f"MessageAttributes.entry.{index}"
        if name := form.get(f"{entry}.Name"):
            found[name] = (form[f"{entry}.Value.DataType"], form[f"{entry}.Value.StringValue"])
    return found


def _fault(form: dict[str, str]) -> str:
    if not form.get("Message"):
        return "Empty message"
    if len(form["Message"]) > 1600:
        return "Message too long"
    for name, (kind, value) in attributes_of(form).items():
        if not value or kind not in ("String", "Number"):
            return f"MessageAttributes Reason: {name}"
    return ""
