"""E-mail by SMTP submission: RFC 6409, 5321, 4954 (sign-in), 3207 (TLS). One letter at a time on a kept connection.

Before the server has asked for the text (354) nothing was sent, whatever happens: Unavailable. From there to its answer a broken
connection leaves it open: Unknown (RFC 5321 4.5.3.2.6 says why it must). What it refuses, it has not taken.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence

import aiosmtplib

from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Unavailable, Unknown, Unsupported
from providers.codes import outcome_of
from providers.email_parts import is_address, with_ascii_domain
from providers.errors import DeclarationError
from providers.features import EMAIL
from providers.secret import Secret
from providers.smtp_codes import code_of
from providers.smtp_letter import Letter, LetterError, letter_of
from providers.smtp_pool import Connection, Pool, RefusedError, Server, Tls
from schemas.clock import now_ms

_ID = re.compile(r"queued as ([\w.+-]+)|(?:2\.\d+\.\d+ +)?ok:? +([\w.+-]{8,})$", re.IGNORECASE)
"""Where servers put their id of a letter into the answer: Postfix and its like, Amazon SES; the RFC has no place for it."""


class Smtp:
    """E-mail by one SMTP server."""

    def __init__(
        self,
        channel: str,
        host: str,
        sender: str,
        *,
        username: str = "",
        password: Secret | None = None,
        port: int = 587,
        tls: Tls = "starttls",
        ca_file: str = "",
        helo: str = "",
        bounces: str = "",
        name: str = "smtp",
        concurrency: int = 8,
        timeout_ms: int = 60_000,
        connect_timeout_ms: int = 10_000,
        idle_ms: int = 30_000,
        letters_per_connection: int = 100,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`sender`: the address mail comes from. `bounces`: the address bounces go to, with {ref} in it; empty: the sender.

        `tls`: starttls (587), implicit (465), or none: then a password is sent in the clear. `ca_file`: whom we trust beside the
        system's own. `helo`: the name we give, else the sender's domain. `clock`: epoch ms, for a message that says no time.
        """
        sender = with_ascii_domain(sender)
        for address in (sender, *([bounces.replace("{ref}", "0")] if bounces else [])):
            if not is_address(address):
                raise DeclarationError(f"{name}: {address!r} is not an e-mail address")
        if bounces and "{ref}" not in bounces:
            raise DeclarationError(f"{name}: bounces must have {{ref}} in it")
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=EMAIL | {"subject", "html", "unsubscribe"},
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            feedback="webhook" if bounces else "sync",
        )
        context = None if tls == "none" else _context(name, ca_file)
        helo = helo or sender.rpartition("@")[2]
        times = (connect_timeout_ms / 1000, idle_ms / 1000)
        self._pool = Pool(Server(host, port, tls, context, username, password, helo, *times, letters_per_connection), concurrency)
        self._sender, self._bounces, self._clock = sender, bounces, clock
        self._limit_s = max(timeout_ms - 500, timeout_ms * 0.9) / 1000  # before the sender gives up, who can't tell whether it left

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order."""
        return [await self._deliver(message) for message in messages]

    async def aclose(self) -> None:
        """Close the kept connections."""
        self._pool.close()

    async def _deliver(self, message: Message) -> Outcome:
        try:
            letter = letter_of(message, self._sender, self._bounces, self._clock())
        except LetterError as error:
            return error.outcome
        except Exception as error:
            return Rejected("unbuildable", _said(error))
        return await self._send(letter)

    async def _send(self, letter: Letter) -> Outcome:
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self._limit_s):
                connection = await self._pool.take()
                if letter.utf8 and not connection.supports("smtputf8"):
                    self._pool.keep(connection)
                    return Unsupported(f"{self.declaration.name} takes no international address")
                said = await connection.send(letter, asyncio.get_running_loop().time())
        except RefusedError as refusal:
            if connection is not None:
                self._pool.keep(connection)
            return _refused(refusal)
        except Exception as error:
            return _lost(connection, error)
        except BaseException as error:
            _lost(connection, error)
            raise
        self._pool.keep(connection)
        return Accepted(_id_in(said))


def _refused(refusal: RefusedError) -> Outcome:
    return outcome_of(code_of(refusal.stage, refusal.reply, refusal.text), f"{refusal.reply} {refusal.text}"[:300])


def _lost(connection: Connection | None, error: BaseException) -> Outcome:
    """What a failure that is no refusal of the letter means; the connection is of no more use."""
    committed = connection is not None and connection.committed
    if connection is not None:
        connection.close()
    elif isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        return _refused(
            RefusedError("auth" if isinstance(error, aiosmtplib.SMTPAuthenticationError) else "connect", error.code, error.message)
        )
    return Unknown(_said(error)) if committed else Unavailable(_said(error), config=connection is None and _is_ours(error))


def _is_ours(error: BaseException) -> bool:
    """A server that is not who it should be, or has no TLS or sign-in though we want it: nobody but us can mend that."""
    return isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError) or type(error) is aiosmtplib.SMTPException


def _id_in(said: str) -> str:
    found = _ID.search(said)
    return (found[1] or found[2]) if found else ""


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else f"{type(error).__name__}: no answer in time"


def _context(name: str, ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise DeclarationError(f"{name}: ca_file: {error}") from error
    return context
