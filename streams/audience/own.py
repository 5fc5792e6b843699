"""Data of a recipient's own: in records a column beside the users, which is left out when none of them has any. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from schemas.records import Notification

Data = Mapping[str, str]
Own = Mapping[str, dict[str, str]]
"""By user; whoever has none is left out."""


def own_of(users: Sequence[str], data: Sequence[dict[str, str]]) -> Own:
    """The data of these users by its column, which is parallel to them or empty. Of one who is named twice the first that there are."""
    found: dict[str, dict[str, str]] = {}
    for user, own in zip(users, data, strict=True) if data else ():
        if own:
            found.setdefault(user, own)
    return found


def column(own: Own, users: Iterable[str]) -> list[dict[str, str]]:
    """The column of these users; empty when none of them has any."""
    data = [own.get(user, {}) for user in users] if own else []
    return data if any(data) else []


def bytes_of(own: Data) -> int:
    """Of names and values, as UTF-8."""
    return sum(len(name.encode()) + len(text.encode()) for name, text in own.items())


def told_to(user: str, notification: Notification, own: Own) -> Notification:
    """The notification with what is the user's own over what is everybody's."""
    mine = own.get(user)
    return msgspec.structs.replace(notification, data={**notification.data, **mine}) if mine else notification
