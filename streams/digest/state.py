"""What is kept of one user's digest of one key, and its bytes. Pure.

A state is *open* when something waits in it. When nothing does it may *cool*: something was told, and by policy (`first: now`) what comes
until the window ends waits. Else it is *idle*, and kept for a while because what came may come again.
"""

from hashlib import blake2b

import msgspec

from schemas.records import Notification

MOST_MEMBERS = 1000
"""Of which id, time and actor are kept; those that follow in the same window are counted."""
KNOWN = 1000
"""So many of the last notifications are known when they come again."""
USERS_DIGESTED = 50
"""Users whose digests one command changes: their rows, of 100 KB at most, go into one record of the journal."""
SHOWN, SHOWN_BYTES = 20, 16_384
"""Of so many of the last members the text data is kept, up to so many bytes of it together."""
_MARK_BYTES = 12


class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One notification that waits. `at`: when it came, `expires_at`: its own (both epoch ms); `actor`: who did it, as text, or empty."""

    notification_id: str
    at: int
    actor: str
    expires_at: int | None


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A window, which began at a time and whose timer is due at another (epoch ms); and what is known of those that came."""

    window: str
    """Its name, never that of another: the notification it began with, or the digest it follows on."""
    began: int
    due: int
    had: tuple[bytes, ...] = ()
    """Marks of those that came in this window or before it, the latest last."""
    first: Notification | None = None
    """The one after which the digest is named, without its data; None: nothing waits."""
    members: tuple[Member, ...] = ()
    more: int = 0
    """Members beyond those that are kept."""
    last_at: int = 0
    """When the last one came (epoch ms)."""
    shown: tuple[tuple[str, dict[str, str]], ...] = ()
    """Id and text data of the last members, the latest last."""
    cools: bool = False
    """Whether the window follows on what was told."""

    @property
    def is_open(self) -> bool:
        """Whether something waits."""
        return self.first is not None

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, nor has to."""
        return not (self.is_open or self.cools)

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self.members) + self.more


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


def packed(state: State | None) -> bytes | None:
    """As a value of a table; None: there is nothing to keep."""
    return None if state is None else _encode(state)


def unpacked(value: bytes | None) -> State | None:
    """What `packed` gave."""
    return None if value is None else _decode(value)


def is_known(state: State, notification_id: str) -> bool:
    """Whether it came before."""
    return _mark(notification_id) in state.had or any(member.notification_id == notification_id for member in state.members)


def remembered(state: State, notification_id: str, now: int) -> State:
    """With one more that came."""
    return msgspec.structs.replace(state, had=(*state.had, _mark(notification_id))[-KNOWN:], last_at=now)


def joined(state: State, notification: Notification, actor: str, now: int) -> State:
    """With one more member."""
    after = remembered(state, notification.notification_id, now)
    if not state.is_open:
        after = msgspec.structs.replace(after, first=msgspec.structs.replace(notification, data={}))
    if len(state.members) >= MOST_MEMBERS:
        return msgspec.structs.replace(after, more=state.more + 1)
    member = Member(notification.notification_id, now, actor, notification.expires_at)
    return msgspec.structs.replace(after, members=(*state.members, member), shown=_shown(state, notification))


def without(state: State, notification_id: str) -> State:
    """Without a member."""
    return msgspec.structs.replace(
        state,
        members=tuple(member for member in state.members if member.notification_id != notification_id),
        shown=tuple(each for each in state.shown if each[0] != notification_id),
    )


def emptied(state: State) -> State:
    """The same window, in which nothing waits."""
    return msgspec.structs.replace(state, first=None, members=(), more=0, shown=())


def _shown(state: State, notification: Notification) -> tuple[tuple[str, dict[str, str]], ...]:
    shown = (*state.shown, (notification.notification_id, notification.data))[-SHOWN:]
    size = 0
    for number, (_, data) in enumerate(reversed(shown)):
        size += sum(len(name.encode()) + len(text.encode()) for name, text in data.items())
        if size > SHOWN_BYTES:
            return shown[len(shown) - number :]
    return shown


def _mark(notification_id: str) -> bytes:
    return blake2b(notification_id.encode(), digest_size=_MARK_BYTES).digest()
