"""Connections to one SMTP server: signed in, kept, and used by one letter at a time.

A kept one is asked to forget (RSET) before it is used again, so that one the server has closed since is found out before a letter
is on its way. It is closed instead of kept when anything went wrong, after `letters` letters, or `idle_s` after it was last used.
"""

import asyncio
import re
import ssl
from typing import Literal, TypeAlias

import aiosmtplib
from msgspec import Struct

from providers.secret import Secret
from providers.smtp_codes import Stage
from providers.smtp_letter import Letter, xtext

Tls: TypeAlias = Literal["starttls", "implicit", "none"]
ENVELOPE_ID = 100  # characters: RFC 3461 4.4
_LINE_START_DOT = re.compile(rb"(?m)^\.")


class Server(Struct, frozen=True):
    """Where, how, and as whom. `helo`: the name we give; times in s."""

    host: str
    port: int
    tls: Tls
    context: ssl.SSLContext | None
    username: str
    password: Secret | None
    helo: str
    connect_s: float
    idle_s: float
    letters: int


class RefusedError(Exception):
    """The server answered, and not as wished."""

    def __init__(self, stage: Stage, reply: int, text: str) -> None:
        super().__init__(f"{stage}: {reply} {text}")
        self.stage, self.reply, self.text = stage, reply, text


class Connection:
    """One connection. `committed`: the text of a letter is on its way, and no answer to it has come."""

    def __init__(self, client: aiosmtplib.SMTP, password: str, now_s: float) -> None:
        self._client, self._password = client, password
        self._letters, self._used = 0, now_s
        self.committed = False

    @classmethod
    async def open(cls, server: Server, now_s: float) -> "Connection":
        """Connect and sign in. Raises what aiosmtplib and ssl raise."""
        password = server.password.reveal() if server.password else ""
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            tls_context=server.context,
            local_hostname=server.helo,
            timeout=None,  # whoever uses it limits the whole
        )
        try:
            async with asyncio.timeout(server.connect_s):
                await client.connect()
                await (client.login(server.username, password) if server.username else client.ehlo())
        except BaseException:
            client.close()
            raise
        return cls(client, password, now_s)

    def is_fit(self, server: Server, now_s: float) -> bool:
        """Whether it may be used again: it is open, young enough, and signed in with the password of now."""
        password = server.password.reveal() if server.password else ""
        young = self._letters < server.letters and now_s - self._used < server.idle_s
        return young and self._client.is_connected and password == self._password

    def supports(self, extension: str) -> bool:
        """Whether the server has said so to our EHLO."""
        return self._client.supports_extension(extension)

    async def forget(self) -> None:
        """End whatever was begun. Raises RefusedError, and aiosmtplib's for a broken connection."""
        await self._ask("connect", 250, b"RSET")

    async def send(self, letter: Letter, now_s: float) -> str:
        """Return what the server said when it took the letter. Raises RefusedError, and aiosmtplib's for a broken connection."""
        self._letters, self._used = self._letters + 1, now_s
        encoding = "utf-8" if letter.utf8 else "ascii"
        await self._ask("mail", 250, b"MAIL", b"FROM:<%s>" % letter.sender.encode(encoding), *self._options(letter))
        for number, recipient in enumerate(letter.recipients):
            await self._ask("copy" if number else "rcpt", 250, b"RCPT", b"TO:<%s>" % recipient.encode(encoding))
        await self._ask("data", 354, b"DATA")
        return await self._text(letter)

    def close(self) -> None:
        """Hang up, without a word: nothing is under way."""
        self._client.close()

    def _options(self, letter: Letter) -> list[bytes]:
        """Of MAIL: RFC 1870, 3461 (the server repeats the id in its reports, and only the head of the text), 6531."""
        options = [b"SIZE=%d" % len(letter.text)] if self.supports("size") else []
        if self.supports("dsn") and letter.envelope_id.isascii() and 0 < len(letter.envelope_id) <= ENVELOPE_ID:
            options += [b"RET=HDRS", b"ENVID=" + xtext(letter.envelope_id).encode()]
        return options + ([b"BODY=8BITMIME", b"SMTPUTF8"] if letter.utf8 else [])

    async def _ask(self, stage: Stage, wished: int, *words: bytes) -> None:
        reply, text = await self._client.execute_command(*words)
        if reply != wished and not (stage in ("rcpt", "copy") and reply == 251):
            raise RefusedError(stage, reply, text)

    async def _text(self, letter: Letter) -> str:
        """Write the text and wait for the answer: DATA in two steps, to know which of them broke."""
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        text = _LINE_START_DOT.sub(b"..", letter.text)
        protocol.write(text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n"))
        self.committed = True
        reply, said = await protocol.read_response()
        self.committed = False
        if reply != 250:
            raise RefusedError("data", reply, said)
        return said


class Pool:
    """Kept connections of one event loop, the last used on top; at most `size` are kept."""

    def __init__(self, server: Server, size: int) -> None:
        self._server, self._size = server, size
        self._kept: list[Connection] = []

    async def take(self) -> Connection:
        """Return a connection that works, a new one if need be."""
        while self._kept:
            connection = self._kept.pop()
            if not connection.is_fit(self._server, _now_s()):
                connection.close()
                continue
            try:
                async with asyncio.timeout(self._server.connect_s):
                    await connection.forget()
            except (RefusedError, aiosmtplib.SMTPException, TimeoutError):
                connection.close()
                continue
            except BaseException:
                connection.close()
                raise
            return connection
        return await Connection.open(self._server, _now_s())

    def keep(self, connection: Connection) -> None:
        """Take it back, to be used again."""
        if len(self._kept) < self._size and connection.is_fit(self._server, _now_s()):
            self._kept.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is kept."""
        while self._kept:
            self._kept.pop().close()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
