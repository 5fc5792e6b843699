"""Amazon SES API v2, as https://docs.aws.amazon.com/ses/latest/APIReference-V2 describes SendEmail and SendBulkEmail."""

import json
import re
from base64 import b64decode
from collections.abc import Iterable
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.aws import refusal_of
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, rejects, throttles

SENDER, CONFIGURATION_SET = "shop@example.com", "events"
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


def error(status: int, name: str, message: str = "because") -> Refusal:
    means = {400: rejects, 403: blames_us, 404: blames_us, 429: throttles, 500: is_down, 503: is_down}[status]
    return Refusal(status, json.dumps({"message": message}), means, {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"})


class SesEmulator(Emulator):
    refusals = {
        "too many": error(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        "limit": error(400, "LimitExceededException")._replace(means=throttles),
        "suspended": error(400, "AccountSuspendedException")._replace(means=blames_us),
        "paused": error(400, "SendingPausedException")._replace(means=blames_us),
        "domain": error(400, "MailFromDomainNotVerifiedException")._replace(means=blames_us),
        "rejected": error(400, "MessageRejected", "Message contained a virus."),
        "not verified": error(
            400,
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in region EU-WEST-1: shop@example.com",
        )._replace(means=blames_us),
        "not found": error(404, "NotFoundException", "Configuration set <events> does not exist."),
        "bad": error(400, "BadRequestException", "Header value is too long"),
        "signature": error(403, "SignatureDoesNotMatch"),
        "expired": error(403, "ExpiredTokenException", "The security token included in the request is expired"),
        "denied": error(403, "AccessDeniedException", "User is not authorized to perform: ses:SendEmail"),
        "throttling": error(400, "ThrottlingException", "Rate exceeded")._replace(means=throttles),
        "failure": error(500, "InternalFailure"),
        "down": error(503, "ServiceUnavailable"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.statuses: dict[str, str] = {}
        """What the entry of an address is answered with."""
        self.bodies: list[dict[str, Any]] = []
        self.bulk = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if name := await refusal_of(request, "ses"):
            status = 400 if name == "RequestExpired" else 403
            text = "The request signature we calculated does not match the signature you provided."
            return web.json_response({"message": text}, status=status, headers={"x-amzn-errortype": name})
        if request.method != "POST" or request.path not in ("/v2/email/outbound-emails", "/v2/email/outbound-bulk-emails"):
            return web.json_response({}, status=404, headers={"x-amzn-errortype": "UnknownOperationException"})
        body = json.loads(await request.read())
        if fault := _fault(body):
            return web.json_response({"message": fault}, status=400, headers={"x-amzn-errortype": "BadRequestException"})
        return self._bulk(body) if request.path.endswith("bulk-emails") else self._single(body)

    def _bulk(self, body: dict[str, Any]) -> web.Response:
        template, entries = body["DefaultContent"]["Template"], body["BulkEmailEntries"]
        if not 1 <= len(entries) <= 50 or len(json.dumps(body)) > 1_000_000:
            return web.json_response({"message": "too much"}, status=400, headers={"x-amzn-errortype": "BadRequestException"})
        if any("{{" in text for text in template["TemplateContent"].values()):
            self.complaints.append("a text that would be rendered")
        self.bulk += 1
        self.bodies.append(body)
        return web.json_response({"BulkEmailEntryResults": [self._result(entry) for entry in entries]})

    def _result(self, entry: dict[str, Any]) -> dict[str, Any]:
        if fault := _address_fault(address for kind in entry["Destination"].values() for address in kind):
            return {"Status": "INVALID_PARAMETER", "Error": fault}
        address = entry["Destination"]["ToAddresses"][0]
        if status := self.statuses.get(address, ""):
            return {"Status": status, "Error": "because"}
        self.taken.append(address)
        return {"Status": "SUCCESS", "MessageId": f"ses-{len(self.taken)}"}

    def _single(self, body: dict[str, Any]) -> web.Response:
        if fault := _address_fault(address for kind in body["Destination"].values() for address in kind):
            return web.json_response({"message": fault}, status=400, headers={"x-amzn-errortype": "BadRequestException"})
        self.bodies.append(body)
        self.taken.append(body["Destination"]["ToAddresses"][0])
        return web.json_response({"MessageId": f"ses-{len(self.taken)}"})

    def missing(self, message: Message) -> list[str]:
        body, email = self.bodies[-1], message.email
        simple, destination = body["Content"]["Simple"], body["Destination"]
        headers = {header["Name"]: str(make_header(decode_header(header["Value"]))) for header in simple["Headers"]}
        ((name, address),) = getaddresses([body["FromEmailAddress"]])
        (tag,) = body["EmailTags"]
        expected: list[tuple[str, Any, Any]] = [
            ("from", (str(make_header(decode_header(name))), address), (email.from_name, SENDER)),
            ("to", destination["ToAddresses"], [message.address]),
            ("cc", destination["CcAddresses"], email.cc),
            ("bcc", destination["BccAddresses"], email.bcc),
            ("reply to", body["ReplyToAddresses"], email.reply_to),
            ("subject", simple["Subject"], {"Data": message.subject, "Charset": "UTF-8"}),
            ("text", simple["Body"]["Text"], {"Data": message.body, "Charset": "UTF-8"}),
            ("html", simple["Body"]["Html"], {"Data": message.html, "Charset": "UTF-8"}),
            ("headers", {name: headers.get(name) for name in email.headers}, email.headers),
            ("unsubscribe", headers.get("List-Unsubscribe"), f"<{message.unsubscribe}>"),
            ("one click", headers.get("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click"),
            ("files", [b64decode(file["RawContent"]) for file in simple["Attachments"]], [file.content for file in email.attachments]),
            ("names", [file["FileName"] for file in simple["Attachments"]], [file.filename for file in email.attachments]),
            ("types", [file["ContentType"] for file in simple["Attachments"]], [file.content_type for file in email.attachments]),
            ("inline", simple["Attachments"][1]["ContentId"], email.attachments[1].content_id),
            ("ref", tag["Value"], message.ref),
            ("events", body["ConfigurationSetName"], CONFIGURATION_SET),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _fault(body: dict[str, Any]) -> str:
    """What is wrong with the request as a whole."""
    ((_, sender),) = getaddresses([body.get("FromEmailAddress", "")])
    if sender != SENDER or not body["FromEmailAddress"].isascii():
        return f"Invalid email address<{body.get('FromEmailAddress')}>."
    simple = body.get("Content", {}).get("Simple", {})
    entries = body.get("BulkEmailEntries", [])
    headers = [simple.get("Headers", []), *(entry.get("ReplacementHeaders", []) for entry in entries)]
    tags = [tag for entry in entries for tag in entry.get("ReplacementTags", [])] + body.get("EmailTags", [])
    if any(len(some) > 15 for some in headers):
        return "Message headers count exceeds maximum allowed"
    for header in (header for some in headers for header in some):
        if not re.fullmatch(r"[!-9;-~]{1,126}", header["Name"]) or not re.fullmatch(r"[ -~]{1,995}", header["Value"]):
            return f"Invalid header {header['Name']}"
    if any(not _TAG.fullmatch(tag["Name"]) or not _TAG.fullmatch(tag["Value"]) for tag in tags):
        return "Invalid tag: only alphanumeric ASCII characters, '_', and '-' are allowed."
    content = body.get("DefaultContent", {}).get("Template", {}).get("TemplateContent", {})
    if "Simple" in body.get("Content", {}) and not (simple.get("Subject") and simple.get("Body")):
        return "Missing required field"
    if entries and not (content.get("Subject") and (content.get("Text") or content.get("Html"))):
        return "The template has no subject, or no text"
    return ""


def _address_fault(addresses: Iterable[str]) -> str:
    for address in addresses:
        local, at, domain = address.rpartition("@")
        if not at:
            return "Missing final '@domain'"
        if not local or not local.isascii() or re.search(r"[\s\x00-\x1f]", local):
            return "Local address contains control or whitespace"
        if not _DOMAIN.fullmatch(domain):
            return "Domain contains control or whitespace"
    return ""
