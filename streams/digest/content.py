"""What a digest says: the notification that its members become. Pure."""

from collections.abc import Sequence

import msgspec

from schemas.ids import digest_id
from schemas.records import Notification, Outcome
from schemas.topics import CHANNELS
from streams.digest.state import State

ENDED, SEEN, CANCELLED, GONE = "ended", "seen", "cancelled", "gone"
"""Why a digest is made: its window ended; the user has seen it; no member is left; the user is gone."""
IN_APP = "in_app"
MEMBERS_BYTES = 32_768
_NAMED = 2


def member_outcome(digest: str) -> Outcome:
    """How a member ends: it is in that digest, whose own end says what became of it."""
    return Outcome("digested", "", digest)


def reason_on(why: str, channel: str) -> str:
    """Why a digest is not to be told on a channel, before it is decided; empty: it is decided like any notification.

    Who opened the app or read the inbox finds it there, and needs no other word of it.
    """
    if why == CANCELLED:
        return CANCELLED
    return SEEN if why == SEEN and channel != IN_APP else ""


def made_of(state: State, user: str, category: str, key: str, why: str, now: int) -> Notification:
    """The notification of an open state. Of users who are gone, and when nothing is left to say, it says only how many there are."""
    first = state.first
    assert first is not None, "nothing waits"
    expiries = [member.expires_at for member in state.members]
    said = why in (ENDED, SEEN)
    return msgspec.structs.replace(
        first,
        notification_id=digest_id(user, category, key, first.notification_id),
        source="digest",
        data={**(_text(state) if said else {}), "digest_count": str(state.count)},
        occurred_at=now,
        accepted_at=now,
        expires_at=None if None in expiries else max((each for each in expiries if each is not None), default=None),
        not_before=None,
        local_minute=None,
        digest_key="",
        actor="",
        withheld={channel: reason for channel in first.channels or CHANNELS if (reason := reason_on(why, channel))},
        overrides=first.overrides if said else None,
    )


def _text(state: State) -> dict[str, str]:
    """Of the last member all that it says; and of all members the actors, and the data of those that are shown, as JSON."""
    names = actors(state)
    last = state.shown[-1][1] if state.shown else {}
    members = _json([data for _, data in state.shown])
    named = {f"digest_actor_{number}": name for number, name in enumerate([*names, "", ""][:_NAMED], 1)}
    others = max(0, len(names) + state.more - _NAMED)
    return {**last, **named, "digest_actors": collapsed(names, state.more), "digest_others": str(others), "digest_members": members}


def _json(members: list[dict[str, str]]) -> str:
    """As many of the last as have room: escaped, they can be six times as long."""
    while len(text := msgspec.json.encode(members)) > MEMBERS_BYTES:
        members = members[1:]
    return text.decode()


def actors(state: State) -> list[str]:
    """The distinct actors, who came last first."""
    return list(dict.fromkeys(member.actor for member in reversed(state.members) if member.actor))


def collapsed(names: Sequence[str], more: int = 0) -> str:
    """Ann; Ann and Bo; Ann, Bo and 3 others. `more`: others whose names are not known, each counted as one. Empty: nobody is named."""
    others = len(names) + more - _NAMED
    if not names:
        return ""
    if len(names) == 1:
        return names[0] if not more else f"{names[0]} and {_others(more)}"
    if others <= 0:
        return f"{names[0]} and {names[1]}"
    return f"{names[0]}, {names[1]} and {_others(others)}"


def _others(number: int) -> str:
    return "1 other" if number == 1 else f"{number} others"
