"""Whether a provider can carry all that a message has: what it can't is said, never left out. Pure."""

from collections.abc import Iterable, Iterator

from providers.base import NO_CHAT, NO_EMAIL, NO_PUSH, NO_SMS, Declaration, Message, Unsupported
from schemas.records import Record


def refusal(declaration: Declaration, message: Message) -> Unsupported | None:
    """Why the provider can't have the message; None: it can."""
    if declaration.platforms and message.platform not in declaration.platforms:
        return Unsupported(f"{declaration.name} reaches {_listed(declaration.platforms)}, not {message.platform or 'an unknown platform'}")
    if missing := [feature for feature in features(message) if feature not in declaration.carries]:
        return Unsupported(f"{declaration.name} can't carry {_listed(missing)}")
    return None


def features(message: Message) -> Iterator[str]:
    """The names (`providers.features`) of what the message has beside its body."""
    if message.subject:
        yield "subject"
    if message.title:
        yield "title"
    if message.html is not None:
        yield "html"
    if message.unsubscribe:
        yield "unsubscribe"
    if message.email is not NO_EMAIL:
        yield from _set("email", message.email)
    if message.push is not NO_PUSH:
        yield from _set("push", message.push)
    if message.sms is not NO_SMS:
        yield from _set("sms", message.sms)
    if message.chat is not NO_CHAT:
        yield from _set("chat", message.chat)


def _set(channel: str, overrides: Record) -> Iterator[str]:
    for name in overrides.__struct_fields__:
        if getattr(overrides, name) not in ("", None, [], {}):
            yield f"{channel}.{name}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
