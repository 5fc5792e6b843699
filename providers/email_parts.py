"""What the e-mail providers have in common: headers with the one-click opt-out, copies, addresses of international domains. Pure."""

import re
from collections.abc import Sequence
from email.header import Header
from email.utils import quote

from providers.base import Message

HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 3.6.8
OURS = frozenset(
    {
        "bcc", "cc", "content-transfer-encoding", "content-type", "date", "dkim-signature", "from", "message-id", "mime-version",
        "received", "reply-to", "return-path", "subject", "to",
    }
)  # fmt: skip
"""Headers that a message may not bring along."""
LINE = 998  # octets a line of a message may have: RFC 5322 2.1.1
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\[^\x00-\x1f\x7f-\x9f])*"'
_ADDRESS = re.compile(rf'(?:{_QUOTED}|[^\s"<>()\[\],;:\\@\x00-\x20\x7f-\x9f]+)@[^\s"<>(),;\\@\x00-\x20\x7f-\x9f]+')
_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"(?=[^@]{{1,64}}@.{{1,253}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def is_address(address: str) -> bool:
    """Whether it may stand in a command and in a header; whether somebody has it the server knows."""
    return _ADDRESS.fullmatch(address) is not None


def is_plain_address(address: str) -> bool:
    """Whether any provider takes it for an address: ASCII without quotes, with a domain of several parts (RFC 5321 4.1.2, 4.5.3.1)."""
    return _PLAIN.fullmatch(address) is not None


def recipient(address: str) -> str:
    """Return an address for a field that might hold several, or names: what is not exactly one is made none."""
    address = with_ascii_domain(address)
    return address if is_address(address) else f"<{address}>"


def clean(value: str) -> str:
    """Return it on one line, without control characters."""
    return _BREAKS.sub(" ", value).strip()


def has_breaks(value: str) -> bool:
    """Whether there is something in it that must not be in a header."""
    return _BREAKS.search(value) is not None


def encoded(value: str, newline: str = "") -> str:
    """Return a text for a header, as it is or as encoded words (RFC 2047); `newline` goes before the space between two of them."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=75).encode(linesep=newline)


def mailbox(name: str, address: str, newline: str = "") -> str:
    """Return the address with a name before it, if there is one: RFC 5322 3.4."""
    name = clean(name)
    if not name:
        return address
    shown = f'"{quote(name)}"' if name.isascii() else encoded(name, newline)
    return f"{shown}{newline} <{address}>" if newline and len(shown) + len(address) > LINE - 20 else f"{shown} <{address}>"


def headers_of(message: Message) -> dict[str, str]:
    """Return the message's own headers and those of RFC 8058, which win over its own of the same name."""
    if not message.unsubscribe:
        return dict(message.email.headers)
    one_click = {"List-Unsubscribe": f"<{message.unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    taken = {name.casefold() for name in one_click}
    return {name: value for name, value in message.email.headers.items() if name.casefold() not in taken} | one_click


def copies_of(message: Message) -> tuple[list[str], list[str]]:
    """Return its cc and bcc, each address once, and none of who it is for: nobody is told twice."""
    seen = {message.address.casefold()}
    return _new(message.email.cc, seen), _new(message.email.bcc, seen)


def with_ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS has it (xn--..., RFC 3490); as it is, where that can't be."""
    local, at, domain = address.rpartition("@")
    if domain.isascii() or not at:
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


def _new(addresses: Sequence[str], seen: set[str]) -> list[str]:
    found = []
    for address in addresses:
        if address.casefold() not in seen:
            seen.add(address.casefold())
            found.append(address)
    return found
