"""What a notification may have beside its text: how much of it, and what no provider would take. Pure.

A notification travels inside each record about it: a command for each partition and thousand users, a batch for each channel, and its
statuses; a topic takes records of 1 MB. So a file is a receipt or a logo; what is larger belongs behind a link.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from providers.email_parts import HEADER_NAME, OURS, has_breaks, is_address, with_ascii_domain
from schemas.records import Attachment, EmailOverrides, Overrides, PushOverrides

MAX_ATTACHMENT_BYTES = 32_768
MAX_OVERRIDES_BYTES = 49_152
"""Of all of them; the rest of a notification's 64 KiB is for its data."""
MAX_DIGESTED_BYTES = 8_192
"""Of a notification with a digest key: a record of the journal holds the digests of 50 users, each with what its first member had."""
MAX_BADGE = 2**31 - 1
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;[^\x00-\x1f\x7f]*)?")
_WEB = re.compile(r"https?://[^\s\x00-\x1f\x7f]+", re.IGNORECASE)
_NO_URL = "is no URL that begins with http:// or https://"


class Fault(NamedTuple):
    """What can't be: where, as in `email.cc[1]` (empty: all of it), and what is the matter with it."""

    where: str
    what: str


def faults(overrides: Overrides, *, digested: bool = False) -> Iterator[Fault]:
    """All that no step may take; nothing when it is well. `digested`: of a notification with a digest key."""
    size, limit = len(msgspec.msgpack.encode(overrides)), MAX_DIGESTED_BYTES if digested else MAX_OVERRIDES_BYTES
    if size > limit:
        yield Fault("", f"have {size} bytes in all; the limit is {limit}" + (", as it is for a digest" if digested else ""))
    yield from _of_email(overrides.email or EmailOverrides())
    yield from _of_push(overrides.push or PushOverrides())
    if overrides.sms:
        yield from _of_urls("sms.media", overrides.sms.media)
    if overrides.chat and overrides.chat.image and not _WEB.fullmatch(overrides.chat.image):
        yield Fault("chat.image", _NO_URL)


def _of_email(email: EmailOverrides) -> Iterator[Fault]:
    if has_breaks(email.from_name):
        yield Fault("email.from_name", "has line breaks or control characters")
    for field in ("reply_to", "cc", "bcc"):
        for number, address in enumerate(getattr(email, field)):
            if not is_address(with_ascii_domain(address)):
                yield Fault(f"email.{field}[{number}]", "is no e-mail address")
    yield from _of_headers(email.headers)
    for number, file in enumerate(email.attachments):
        yield from _of_file(f"email.attachments[{number}]", file)


def _of_headers(headers: dict[str, str]) -> Iterator[Fault]:
    names = [name.casefold() for name in headers]
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            yield Fault("email.headers", f"{name!r} is no name of a header")
        if name.casefold() in OURS:
            yield Fault("email.headers", f"{name} is what the message says itself")
        if names.count(name.casefold()) > 1:
            yield Fault("email.headers", f"{name} is there twice")
        if has_breaks(value):
            yield Fault(f"email.headers[{name}]", "has line breaks or control characters")


def _of_file(where: str, file: Attachment) -> Iterator[Fault]:
    if not file.filename or has_breaks(file.filename) or "/" in file.filename or "\\" in file.filename:
        yield Fault(f"{where}.filename", "is no name of a file without its path")
    if not _MEDIA_TYPE.fullmatch(file.content_type):
        yield Fault(f"{where}.content_type", "is no media type such as application/pdf")
    if has_breaks(file.content_id):
        yield Fault(f"{where}.content_id", "has line breaks or control characters")
    if (size := len(file.content)) > MAX_ATTACHMENT_BYTES:
        yield Fault(f"{where}.content", f"has {size} bytes; the limit is {MAX_ATTACHMENT_BYTES}: what is larger goes as a link")


def _of_push(push: PushOverrides) -> Iterator[Fault]:
    if push.image and not _WEB.fullmatch(push.image):
        yield Fault("push.image", _NO_URL)
    if push.badge is not None and not 0 <= push.badge <= MAX_BADGE:
        yield Fault("push.badge", f"is not from 0 to {MAX_BADGE}")


def _of_urls(where: str, urls: Sequence[str]) -> Iterator[Fault]:
    for number, url in enumerate(urls):
        if not _WEB.fullmatch(url):
            yield Fault(f"{where}[{number}]", _NO_URL)
