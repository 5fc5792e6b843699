"""What a provider is, and what can come of a message.

Outcome
 |- Accepted      the provider took it
 |- Rejected      permanent: do not send it again; `address_dead` says the address itself is of no more use
 |- Throttled     nothing was sent: come back in `retry_after_ms`
 |- Unavailable   nothing was sent: safe to resend
 |- Unknown       it may have been sent: resend only where policy says so

A provider is data and two pure functions: `build` makes one HTTP request of up to `batch_size` messages, `parse` reads
the answer, one outcome a message, in order. `providers.sender.Sender` does the rest. No I/O, no time here.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import httpx
from msgspec import Struct

from providers.errors import DeclarationError

Feedback: TypeAlias = Literal["sync", "webhook", "polled"]

SIGN_IN = "carillon.sign_in"  # extension by which an `auth` marks requests that carry no message, only fetch a token


class Message(Struct, frozen=True, kw_only=True):
    """One text for one address of one user; `message_id` is deterministic, the idempotency key at the provider."""

    message_id: str
    notification_id: str
    user_id: str
    address: str  # e-mail address, device token, phone number, webhook URL; the user id for in-app
    subject: str = ""  # e-mail
    title: str = ""  # push, in-app
    body: str = ""
    html: str | None = None
    data: dict[str, str] = {}


class Accepted(Struct, frozen=True, tag="accepted"):
    """The provider took it, under its own id (may be empty)."""

    provider_message_id: str = ""


class Rejected(Struct, frozen=True, tag="rejected"):
    """Refused for good. `reason` is a short code, `detail` the provider's own words."""

    reason: str
    detail: str = ""
    address_dead: bool = False


class Throttled(Struct, frozen=True, tag="throttled"):
    """Refused for now; nothing was sent. `retry_after_ms` is 0 when the provider named no time."""

    retry_after_ms: int = 0
    detail: str = ""


class Unavailable(Struct, frozen=True, tag="unavailable"):
    """Nothing was sent, as far as the provider and the network tell; safe to resend."""

    detail: str = ""


class Unknown(Struct, frozen=True, tag="unknown"):
    """It may have been sent: the request left, and no readable answer came back."""

    detail: str = ""


Outcome: TypeAlias = Accepted | Rejected | Throttled | Unavailable | Unknown


class Declaration(Struct, frozen=True, kw_only=True):
    """What a provider promises its callers. Raises DeclarationError when the numbers cannot hold."""

    name: str
    channel: str
    batch_size: int = 1  # messages a request carries at most
    concurrency: int = 32  # requests in flight, per process
    timeout_ms: int = 10_000  # one request, from connect to the last byte of the answer
    connect_timeout_ms: int = 2_000
    slow_ms: int = 3_000  # an answer that takes longer counts against it: weight moves to the other providers of the channel
    rate_per_s: int | None = None  # messages a second the account allows (held by the delivery agents); None: no limit
    feedback: Feedback = "sync"
    repeatable: bool = False  # sending twice is as good as once: no attempt of it is ever Unknown

    def __post_init__(self) -> None:
        for field in ("batch_size", "concurrency", "timeout_ms", "connect_timeout_ms", "slow_ms"):
            if getattr(self, field) < 1:
                raise DeclarationError(f"{self.name}: {field} must be at least 1, is {getattr(self, field)}")
        if self.connect_timeout_ms >= self.timeout_ms:
            raise DeclarationError(f"{self.name}: connect_timeout_ms must be below timeout_ms ({self.timeout_ms})")
        if self.rate_per_s is not None and self.rate_per_s < 1:
            raise DeclarationError(f"{self.name}: rate_per_s must be at least 1, is {self.rate_per_s}")


@runtime_checkable
class Provider(Protocol):
    """A provider that is reached by HTTP.

    `auth` signs requests and may fetch tokens (an httpx.Auth, driven by the sender); None when `build` does all.
    """

    declaration: Declaration
    auth: httpx.Auth | None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request that sends 1 to `batch_size` messages. Pure."""

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message, in order, whatever the status and the (read) body. Pure; never raises."""


@runtime_checkable
class DirectProvider(Protocol):
    """A provider that needs no HTTP request: the log itself is the delivery, or it speaks a protocol of its own."""

    declaration: Declaration

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order."""


AnyProvider: TypeAlias = Provider | DirectProvider
