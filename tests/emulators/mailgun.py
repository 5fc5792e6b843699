"""Mailgun's v3 messages, as https://documentation.mailgun.com/docs/mailgun/api-reference and its batch sending page describe them."""

import json
import re
from base64 import b64encode
from email.utils import getaddresses, parseaddr
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, rejects, throttles

KEY, DOMAIN, SENDER = "key-0123456789", "mg.example.com", "shop@mg.example.com"
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_VARIABLE = re.compile(r"%recipient\.(\w+)%")


def said(message: str) -> str:
    return json.dumps({"message": message})


class MailgunEmulator(Emulator):
    refusals = {
        "forbidden": Refusal(401, '"Forbidden"', blames_us),
        "denied": Refusal(403, said("Access denied"), blames_us),
        "domain": Refusal(404, said("Domain not found: mg.example.com"), blames_us),
        "sender": Refusal(400, said("from parameter is missing. "), blames_us),
        "sandbox": Refusal(403, said("Sandbox subdomains are for test purposes only. Please add your own domain"), blames_us),
        "unverified": Refusal(400, said("The domain is unverified and requires DNS configuration"), blames_us),
        "no text": Refusal(400, said("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified."), rejects),
        "options": Refusal(400, said("Send options (parameters starting with o:, h:, or v:) are limited to 16KB total"), rejects),
        "too large": Refusal(413, said("Message exceeded size limit"), rejects),
        "rate": Refusal(
            429,
            said("Domain mg.example.com is not allowed to send: account-requests-per-sec limit exceeded, try again after 120 seconds"),
            throttles,
        ),
        "server error": Refusal(500, said("Internal Server Error"), is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[MultiDictProxy[Any]] = []
        self.files: dict[str, tuple[bytes, str]] = {}
        """Of the last form, by name: content and type."""
        self.letters: list[dict[str, str]] = []
        """What each recipient got: to, ref, List-Unsubscribe and the text, with variables replaced."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("authorization") != "Basic " + b64encode(f"api:{KEY}".encode()).decode():
            return web.json_response("Forbidden", status=401)
        if (request.method, request.path) != ("POST", f"/v3/{DOMAIN}/messages"):
            return web.json_response({"message": "Not Found"}, status=404)
        if request.content_type != "multipart/form-data":
            self.complaints.append(f"a form that is {request.content_type}")
        form = await request.post()
        if fault := _fault(form):
            return web.json_response({"message": fault}, status=400)
        self.forms.append(form)
        sent = [part for name in ("attachment", "inline") for part in form.getall(name, [])]
        self.files = {part.filename: (part.file.read(), part.content_type) for part in sent}
        self._deliver(form)
        return web.json_response({"id": f"<{len(self.forms)}.mg@{DOMAIN}>", "message": "Queued. Thank you."})

    def _deliver(self, form: MultiDictProxy[Any]) -> None:
        to = _addresses(form, "to")
        variables = json.loads(form.get("recipient-variables", "{}"))
        if len(to) > 1 and set(variables) != set(to):
            self.complaints.append("each sees all recipients, or somebody has no variables")
        self.taken += list(dict.fromkeys(to))
        for address in dict.fromkeys(to):
            letter = {"to": address} | {name: str(value) for name, value in form.items() if name.startswith(("v:", "h:", "text"))}
            for name, value in letter.items() if variables else []:
                letter[name] = _VARIABLE.sub(lambda found, of=variables[address]: str(of.get(found[1], found[0])), value)
            if "%recipient" in "".join(value for name, value in letter.items() if name != "text"):
                self.complaints.append(f"a variable that is not replaced: {letter}")
            self.letters.append(letter)

    def missing(self, message: Message) -> list[str]:
        form, email = self.forms[-1], message.email
        wanted_files = {file.content_id or file.filename: (file.content, file.content_type) for file in email.attachments}
        expected: list[tuple[str, Any, Any]] = [
            ("from", parseaddr(form["from"]), (email.from_name, SENDER)),
            ("to", _addresses(form, "to"), [message.address]),
            ("cc", _addresses(form, "cc"), email.cc),
            ("bcc", _addresses(form, "bcc"), email.bcc),
            ("reply to", [address for _, address in getaddresses([form["h:Reply-To"]])], email.reply_to),
            ("subject", form["subject"], message.subject),
            ("text", form["text"], message.body),
            ("html", form["html"], message.html),
            ("headers", {name: form.get(f"h:{name}") for name in email.headers}, email.headers),
            ("unsubscribe", form["h:List-Unsubscribe"], f"<{message.unsubscribe}>"),
            ("one click", form["h:List-Unsubscribe-Post"], "List-Unsubscribe=One-Click"),
            ("files", self.files, wanted_files),
            ("ref", form["v:ref"], message.ref),
            ("tag", form["o:tag"], message.category),
            ("time to live", form["o:deliver-within"], "1h0m"),
            ("test mode", form.get("o:testmode"), None),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _addresses(form: MultiDictProxy[Any], field: str) -> list[str]:
    """Of all fields of the name; "Use commas to separate multiple recipients"."""
    return [address.strip() for value in form.getall(field, []) for address in value.split(",")]


def _fault(form: MultiDictProxy[Any]) -> str:
    if parseaddr(form.get("from", ""))[1] != SENDER:
        return "'from' parameter is not a valid address. please check documentation"
    for field in ("to", "cc", "bcc"):
        for value in _addresses(form, field):
            if not _ADDRESS.fullmatch(value):
                return f"{field} parameter is not a valid address. please check documentation."
    if not 1 <= len(_addresses(form, "to")) <= 1000:
        return "to parameter: too many recipients"
    if not (form.get("text") or form.get("html")):
        return "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified."
    if sum(len(str(value)) for name, value in form.items() if name[:2] in ("o:", "h:", "v:", "t:")) > 16_384:
        return "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total"
    if not re.fullmatch(r"(\d+h\d+m)?", form.get("o:deliver-within", "")):
        return "o:deliver-within is not valid"
    return ""
