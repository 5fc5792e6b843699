"""Whether a provider can carry all that a message has: what it can't is said, never left out. Pure."""

from collections.abc import Iterable, Iterator

from providers.base import NO_CHAT, NO_EMAIL, NO_PUSH, NO_SMS, Declaration, Message, Unsupported
from schemas.records import Record


class Carried:
    """`refusal` for one provider; of plain messages, which have the same features by the thousand, it is known."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._known: dict[tuple[bool, bool, bool, bool], Unsupported | None] = {}

    def refusal(self, message: Message) -> Unsupported | None:
        """Why the provider can't have the message; None: it can."""
        if self._declaration.platforms or not _is_plain(message):
            return refusal(self._declaration, message)
        has = (not message.subject, not message.title, message.html is None, not message.unsubscribe)
        if has not in self._known:
            self._known[has] = refusal(self._declaration, message)
        return self._known[has]


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


def _is_plain(message: Message) -> bool:
    """Whether nothing in it is for its channel alone."""
    return message.email is NO_EMAIL and message.push is NO_PUSH and message.sms is NO_SMS and message.chat is NO_CHAT


def _set(channel: str, overrides: Record) -> Iterator[str]:
    for name in overrides.__struct_fields__:
        if getattr(overrides, name) not in ("", None, [], {}):
            yield f"{channel}.{name}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
