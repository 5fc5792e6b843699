"""What a webhook of a provider says.

A parser is a pure function of the request, its secrets and the time: it verifies the signature, then returns a `Reading`, or raises a
FeedbackRefused (providers/feedback/errors.py).
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

KINDS = frozenset(
    {
        "accepted",  # the provider has it
        "sent",  # handed on to the network, or to the recipient's mail server
        "delivered",
        "read",  # seen on the device
        "opened",
        "clicked",
        "deferred",  # not delivered yet; the provider goes on trying
        "soft_bounced",  # given up, and the address may take the next message
        "bounced",  # given up, and the address is dead
        "complained",  # the recipient calls it spam
        "unsubscribed",
        "resubscribed",
        "stopped",  # SMS: the recipient wants no more (STOP); with a ref: this message ended for that reason
        "started",  # SMS: wants them again (START)
        "failed",  # refused or lost for another reason
    }
)
"""What `Heard.kind` may be; what a provider has beside these is `other:<its name>`."""


class Request(Struct, frozen=True):
    """A webhook as it arrived. `headers`: in order, repeated ones too. `url`: the whole URL as the provider knows it, with its query."""

    headers: Sequence[tuple[str, str]]
    body: bytes
    url: str = ""


class Heard(Struct, frozen=True, kw_only=True):
    """One thing a provider says of one message and one address.

    `ref`: `Message.ref` of what we sent, empty when the provider hands none back. `reason`: a short code, lower case, ours; `detail`: the
    provider's own words. `event_id`: the same whenever the same event is told again. `raw`: the bytes of this event alone.
    """

    provider: str
    kind: str
    ref: str = ""
    provider_message_id: str = ""
    address: str = ""
    reason: str = ""
    detail: str = ""
    occurred_at: int = 0  # epoch ms, by the provider's clock
    event_id: str = ""
    raw: bytes = b""


class Confirm(Struct, frozen=True):
    """The sender waits until this URL, which was checked, has been fetched (GET)."""

    url: str


class Challenge(Struct, frozen=True):
    """The sender wants this text as the answer's body."""

    text: str


Answer: TypeAlias = Confirm | Challenge


class Reading(Struct, frozen=True):
    """What a verified request says.

    `signed_id`: what the provider signs once, such as a token; a retry has it again, with the same `content` (a digest). `answer`: what the
    sender expects beside a 200.
    """

    signed_id: str
    content: bytes
    heard: tuple[Heard, ...] = ()
    answer: Answer | None = None


@runtime_checkable
class Parser(Protocol):
    """Verifies and reads one provider's webhooks. `tolerance_s`: how old a signature may be; 0: the provider signs no time."""

    name: str
    channel: str
    tolerance_s: int

    def parse(self, request: Request, now: int) -> Reading:
        """Return what the request says at `now` (epoch ms). Raises FeedbackRefused and nothing else, whatever the bytes."""


@runtime_checkable
class CertifiedParser(Protocol):
    """One whose signatures need a certificate that has to be fetched: ask where it is, fetch it without redirects, then parse."""

    name: str
    channel: str
    tolerance_s: int

    def certificate_url(self, request: Request) -> str:
        """Return the URL of the signing certificate, which was checked. Raises FeedbackRefused."""

    def parse(self, request: Request, now: int, certificate: bytes) -> Reading:
        """Return what the request says at `now` (epoch ms), signed by that certificate (PEM). Raises FeedbackRefused and nothing else."""


AnyParser: TypeAlias = Parser | CertifiedParser
