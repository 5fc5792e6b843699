"""A submission server (RFC 6409) on a real local port: STARTTLS or TLS from the start, sign-in, DSN, SIZE, 8BITMIME, SMTPUTF8.

aiosmtpd speaks the protocol; here is what it takes, refuses, and where it hangs up.
"""

import asyncio
import atexit
import logging
import os
import re
import ssl
import tempfile
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from typing import Any, NamedTuple, Self, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from providers.base import Message, Outcome
from tests.emulators.server import DEAF, Emulator, blames_us, ends_the_address, is_down, rejects, throttles

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of what it does itself
USER, KEY = "shop", "p4ssw0rd-of-the-shop"
SENDER = "shop@example.com"
BOUNCES = "bounces+{ref}@example.com"
DEAD = "nobody@example.com"


class Refusal(NamedTuple):
    """A reply, at which command it is given, and what it must mean. `at`: greeting, auth, mail, rcpt, data, or text (the answer to it)."""

    at: str
    reply: str
    means: Callable[[Outcome], bool]


@cache
def certificates() -> tuple[ssl.SSLContext, str]:
    """The server's side, and the path of a file with who signed it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(authority.cert_pem.bytes())
    atexit.register(os.unlink, file.name)
    return context, file.name


class SmtpEmulator(Emulator):
    refusals = {  # type: ignore[assignment]
        "no service": Refusal("greeting", "554 No SMTP service here", blames_us),
        "too busy": Refusal("greeting", "421 4.3.2 Too many connections, closing transmission channel", is_down),
        "bad credentials": Refusal("auth", "535 5.7.8 Authentication credentials invalid", blames_us),
        "weak": Refusal("auth", "534 5.7.9 Authentication mechanism is too weak", blames_us),
        "sign-in is down": Refusal("auth", "454 4.7.0 Temporary authentication failure", is_down),
        "sender": Refusal("mail", "553 5.7.1 Sender address rejected: not owned by user", blames_us),
        "storage": Refusal("mail", "452 4.3.1 Insufficient system storage", is_down),
        "no mailbox": Refusal("rcpt", "550 5.1.1 Recipient address rejected: User unknown", ends_the_address),
        "no domain": Refusal("rcpt", "556 5.1.10 Recipient address has null MX", ends_the_address),
        "policy": Refusal("rcpt", "550 5.7.1 Delivery not authorized, message refused", rejects),
        "relay": Refusal("rcpt", "554 5.7.1 Relay access denied", blames_us),
        "greylisted": Refusal("rcpt", "450 4.2.0 Greylisted, try again later", throttles),
        "no data": Refusal("data", "451 4.3.0 Queue file write error", is_down),
        "spam": Refusal("text", "554 5.7.1 Message refused as spam", rejects),
        "too large": Refusal("text", "552 5.3.4 Message too big for system", rejects),
        "flood": Refusal("text", "450 4.7.28 Mail flood detected", throttles),
        "shutting down": Refusal("text", "421 4.3.2 Service shutting down", is_down),
    }

    def __init__(self, *, implicit_tls: bool = False, plain: bool = False, utf8: bool = True) -> None:
        super().__init__()
        self.implicit_tls, self.plain, self.utf8 = implicit_tls, plain, utf8
        self.hang_up_at = ""
        """Close the connection instead of answering: greeting, auth, mail, rcpt, data, or taken (the text was)."""
        self.connections = self.sign_ins = 0
        self.envelopes: list[Envelope] = []
        self.envelope_ids: list[str] = []
        self._sessions: set[_Session] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> Self:
        context = certificates()[0] if self.implicit_tls else None
        self._server = await asyncio.get_running_loop().create_server(lambda: _Session(self), "127.0.0.1", port, ssl=context)
        self.base_url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        self._hung.set()
        if self._server is not None:
            self._server.close()
        self.hang_up()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Close every connection."""
        for session in list(self._sessions):
            session.hang_up()

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._sessions)

    def letter(self) -> EmailMessage:
        """The last letter, read."""
        return cast(EmailMessage, message_from_bytes(cast(bytes, self.envelopes[-1].content), policy=default))

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address == DEAD:
            return "550 5.1.1 Recipient address rejected: User unknown"
        if not address.isascii() and not envelope.smtp_utf8:
            return "553 5.6.7 Non-ASCII addresses not permitted for that sender/recipient"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-DSN", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.next == DEAF:
            await self._hung.wait()
        if reply := self.reply("text"):
            return reply
        content = cast(bytes, envelope.content)
        if re.search(rb"(?<!\r)\n|\r(?!\n)", content):
            self.complaints.append("a bare CR or LF")
        if max(map(len, content.split(b"\r\n"))) > 998:
            self.complaints.append("a line of more than 998 octets")
        if not envelope.smtp_utf8 and not content.isascii():
            self.complaints.append("8 bits in a message of 7")
        self.envelopes.append(envelope)
        self.taken.append(envelope.rcpt_tos[0])
        if self.hang_up_at == "taken":
            cast(_Session, server).hang_up()
        return f"250 2.0.0 Ok: queued as 4Xy{len(self.envelopes)}"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, told: Any) -> AuthResult:
        self.sign_ins += 1
        if reply := self.reply("auth"):
            return AuthResult(success=False, handled=False, message=reply)
        return AuthResult(success=(told.login, told.password) == (USER.encode(), KEY.encode()), handled=False)

    def reply(self, at: str) -> str:
        """What is played there; empty: nothing."""
        played = cast("Refusal | None", self.refusals.get(self.next))
        return played.reply if played and played.at == at else ""

    def missing(self, message: Message) -> list[str]:
        mail, envelope, email = self.letter(), self.envelopes[-1], message.email
        plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
        files = {part.get_filename(): part for part in mail.walk() if part.get_filename()}
        expected: list[tuple[str, Any, Any]] = [
            ("bounces", envelope.mail_from, BOUNCES.replace("{ref}", message.ref)),
            ("ref", self.envelope_ids[-1], message.ref),
            ("recipients", envelope.rcpt_tos, [message.address, *email.cc, *email.bcc]),
            ("id", mail["message-id"], f"<{message.message_id}@example.com>"),
            ("date", mail["date"].datetime.timestamp() * 1000, message.sent_at),
            ("from", [(each.display_name, each.addr_spec) for each in mail["from"].addresses], [(email.from_name, SENDER)]),
            ("to", [each.addr_spec for each in mail["to"].addresses], [message.address]),
            ("cc", [each.addr_spec for each in mail["cc"].addresses], email.cc),
            ("bcc", mail["bcc"], None),
            ("reply to", [each.addr_spec for each in mail["reply-to"].addresses], email.reply_to),
            ("subject", mail["subject"], message.subject),
            ("text", plain and plain.get_content().rstrip("\r\n"), message.body),
            ("html", html and html.get_content().rstrip("\r\n"), message.html),
            ("headers", {name: mail[name] for name in email.headers}, email.headers),
            ("unsubscribe", mail["list-unsubscribe"], f"<{message.unsubscribe}>"),
            ("one click", mail["list-unsubscribe-post"], "List-Unsubscribe=One-Click"),
            ("files", {name: part.get_content() for name, part in files.items()}, {f.filename: f.content for f in email.attachments}),
            ("inline", files["logo.png"]["content-id"], "<logo>"),
            ("layers", _layers(mail), ["mixed", ["alternative", "plain", ["related", "html", "png"]], "pdf"]),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


class _Session(SMTP):
    """One connection."""

    def __init__(self, emulator: SmtpEmulator) -> None:
        self.emulator = emulator
        tls = None if emulator.implicit_tls or emulator.plain else certificates()[0]
        super().__init__(
            emulator,
            hostname="mx.example.com",
            enable_SMTPUTF8=emulator.utf8,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=tls is not None,
            auth_require_tls=tls is not None or emulator.plain,
            authenticator=emulator.authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.emulator._sessions.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.emulator._sessions.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()

    async def push(self, status: str | bytes) -> None:
        if not self._greeted:
            self._greeted = True
            self.emulator.connections += 1
            if self._hangs_up("greeting"):
                return
            status = self.emulator.reply("greeting") or status
        if self.transport is not None and not self.transport.is_closing():
            await super().push(status)

    async def smtp_AUTH(self, arg: str) -> None:
        if not self._hangs_up("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.emulator.requests += 1
        arg, envelope_id = _without_dsn(arg or "")
        if await self._goes_on("mail"):
            self.emulator.envelope_ids.append(envelope_id)
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if await self._goes_on("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if await self._goes_on("data"):
            await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str) -> None:
        """A refusal of the greeting or the sign-in is for a new connection: this one ends."""
        if self.emulator.reply("greeting") or self.emulator.reply("auth"):
            await self.push("421 4.3.2 Connection has lasted long enough")
            cast(asyncio.Transport, self.transport).close()
            return
        await super().smtp_RSET(arg)

    async def _goes_on(self, at: str) -> bool:
        if self._hangs_up(at):
            return False
        if reply := self.emulator.reply(at):
            await self.push(reply)
        return not reply

    def _hangs_up(self, at: str) -> bool:
        if self.emulator.hang_up_at == at:
            self.hang_up()
        return self.emulator.hang_up_at == at


def _without_dsn(arg: str) -> tuple[str, str]:
    """RFC 3461's parameters, which aiosmtpd knows nothing of: the rest, and the envelope id."""
    found = re.search(r" ENVID=(\S+)", arg)
    envelope_id = re.sub(r"\+([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), found[1]) if found else ""
    return re.sub(r" (?:ENVID=\S+|RET=HDRS)", "", arg), envelope_id


def _layers(part: EmailMessage) -> list[Any] | str:
    if not part.is_multipart():
        return part.get_content_subtype()
    return [part.get_content_subtype(), *(_layers(cast(EmailMessage, each)) for each in part.iter_parts())]
