"""What a provider is, and what can come of a message.

Outcome
 |- Accepted      the provider took it
 |- Rejected      permanent: do not send it again; `address_dead` says the address itself is of no more use
 |- Unsupported   nothing was sent: this provider can't carry it, another may
 |- Throttled     nothing was sent: come back in `retry_after_ms`
 |- Unavailable   nothing was sent: safe to resend; `config` says that we are at fault (key, URL, account), and time heals nothing
 |- Unknown       it may have been sent: resend only where policy says so

A provider is data and two pure functions: `build` makes one HTTP request of up to `batch_size` messages, `parse` reads
the answer, one outcome a message, in order. `providers.sender.Sender` does the rest. No I/O, no time here.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import httpx
from msgspec import Struct

from providers.errors import DeclarationError
from providers.features import FEATURES
from schemas.records import ChatOverrides, EmailOverrides, PushOverrides, SmsOverrides

Feedback: TypeAlias = Literal["sync", "webhook", "polled"]

NO_EMAIL, NO_PUSH, NO_SMS, NO_CHAT = EmailOverrides(), PushOverrides(), SmsOverrides(), ChatOverrides()

# extensions of a request
SIGN_IN = "carillon.sign_in"  # an `auth` marks requests that carry no message, only fetch a token
CONNECTION = "carillon.connection"  # requests of different values go over different connections (where a server ties one to an account)


class Message(Struct, frozen=True, kw_only=True):
    """One text for one address of one user; `message_id` is deterministic, the idempotency key at the provider.

    `ref` is what feedback needs to find the delivery again: whoever can hand something back with feedback is given it.
    """

    message_id: str
    notification_id: str
    user_id: str
    address: str  # e-mail address, device token, phone number, chat id, webhook URL; the user id for in-app
    platform: str = ""  # push: ios, android or web; chat: slack, teams, webhook, ...
    ref: str = ""
    category: str = ""
    priority: str = "normal"  # critical, high, normal or low
    sent_at: int = 0  # epoch ms: now, as far as the message says it (a Date header, a time to live)
    expires_at: int | None = None  # epoch ms: of no use from then on
    subject: str = ""  # e-mail
    title: str = ""  # push, in-app
    body: str = ""
    html: str | None = None
    unsubscribe: str = ""  # URL that takes the recipient off in one click (RFC 8058)
    data: dict[str, str] = {}  # the template's, for who passes it on
    email: EmailOverrides = NO_EMAIL
    push: PushOverrides = NO_PUSH
    sms: SmsOverrides = NO_SMS
    chat: ChatOverrides = NO_CHAT


class Accepted(Struct, frozen=True, tag="accepted"):
    """The provider took it, under its own id (may be empty)."""

    provider_message_id: str = ""


class Rejected(Struct, frozen=True, tag="rejected"):
    """Refused for good. `reason` is a short code, `detail` the provider's own words."""

    reason: str
    detail: str = ""
    address_dead: bool = False


class Unsupported(Struct, frozen=True, tag="unsupported"):
    """This provider can't carry what the message has; nothing was sent, and another provider may do it."""

    detail: str


class Throttled(Struct, frozen=True, tag="throttled"):
    """Refused for now; nothing was sent. `retry_after_ms` is 0 when the provider named no time."""

    retry_after_ms: int = 0
    detail: str = ""


class Unavailable(Struct, frozen=True, tag="unavailable"):
    """Nothing was sent, as far as the provider and the network tell; safe to resend. `config`: not before somebody mends our settings."""

    detail: str = ""
    config: bool = False
    at_once: bool = False  # nothing but its neighbours in the request stood against it: it may be sent again right away


class Unknown(Struct, frozen=True, tag="unknown"):
    """It may have been sent: the request left, and no readable answer came back."""

    detail: str = ""


Outcome: TypeAlias = Accepted | Rejected | Unsupported | Throttled | Unavailable | Unknown


class Declaration(Struct, frozen=True, kw_only=True):
    """What a provider promises its callers. Raises DeclarationError when the numbers cannot hold."""

    name: str
    channel: str
    carries: frozenset[str] = frozenset()  # of `providers.features`; the body it always can
    platforms: frozenset[str] = frozenset()  # push: the devices it reaches, chat: the addresses; empty: all
    batch_size: int = 1  # messages a request carries at most
    distinct_addresses: bool = False  # no address may be in a request twice
    concurrency: int = 32  # requests in flight, per process
    timeout_ms: int = 10_000  # one request, from connect to the last byte of the answer
    connect_timeout_ms: int = 2_000
    slow_ms: int = 3_000  # an answer that takes longer counts against it: weight moves to the other providers of the channel
    rate_per_s: int | None = None  # messages a second the account allows (held by the delivery agents); None: no limit
    rate_per_day: int | None = None  # messages a UTC day
    account: str = ""  # what limits and breaker are of; empty: its name. Providers of one account share them
    http2: bool = False  # it speaks HTTP/2 only
    guarded: bool = False  # its requests go where users say: only to public addresses (`providers.guarded`)
    feedback: Feedback = "sync"
    repeatable: bool = False  # sending twice is as good as once: no attempt of it is ever Unknown

    @property
    def limited_as(self) -> str:
        """The account that limits and breaker are of."""
        return self.account or self.name

    def __post_init__(self) -> None:
        for field in ("batch_size", "concurrency", "timeout_ms", "connect_timeout_ms", "slow_ms"):
            if getattr(self, field) < 1:
                raise DeclarationError(f"{self.name}: {field} must be at least 1, is {getattr(self, field)}")
        if self.connect_timeout_ms >= self.timeout_ms:
            raise DeclarationError(f"{self.name}: connect_timeout_ms must be below timeout_ms ({self.timeout_ms})")
        for field in ("rate_per_s", "rate_per_day"):
            if getattr(self, field) is not None and getattr(self, field) < 1:
                raise DeclarationError(f"{self.name}: {field} must be at least 1, is {getattr(self, field)}")
        if strange := self.carries - FEATURES:
            raise DeclarationError(f"{self.name}: carries {min(strange)!r}; there are {', '.join(sorted(FEATURES))}")


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
class Sharing(Protocol):
    """A provider whose requests carry messages that have something in common, such as their text."""

    def shared(self, message: Message) -> Hashable:
        """Return what the messages of one request must have the same."""


@runtime_checkable
class Refusing(Protocol):
    """A provider that knows of some messages without asking that they will not be taken: they are too long, or the address is none."""

    def refused(self, message: Message) -> Outcome | None:
        """Return what becomes of a message that goes into no `build`; None: it does. Pure; never raises."""


@runtime_checkable
class DirectProvider(Protocol):
    """A provider that needs no HTTP request: the log itself is the delivery, or it speaks a protocol of its own."""

    declaration: Declaration

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order."""


@runtime_checkable
class Closing(Protocol):
    """A provider that keeps connections of its own; the sender that used it closes it at its end."""

    async def aclose(self) -> None:
        """Close what is open."""


OneProvider: TypeAlias = Provider | DirectProvider


@runtime_checkable
class Composite(Protocol):
    """A provider that has no API, and hands each message to one that does. These keep their declarations; its own is for all together."""

    declaration: Declaration
    parts: Mapping[str, OneProvider]

    def part_of(self, message: Message) -> OneProvider | None:
        """Return who sends the message; None: nobody does."""


AnyProvider: TypeAlias = OneProvider | Composite


def parts_of(provider: AnyProvider) -> Sequence[OneProvider]:
    """Return who is asked for a provider: its parts, or itself."""
    return list(provider.parts.values()) if isinstance(provider, Composite) else [provider]


def names_of(provider: AnyProvider) -> list[str]:
    """Return its own name, and those of who it is made of."""
    parts = provider.parts.values() if isinstance(provider, Composite) else ()
    return [provider.declaration.name, *(part.declaration.name for part in parts)]
