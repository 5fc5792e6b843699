"""The table of digests: a row for each user, category and key, a row for each user of which there are, and what follows as records."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from schemas import ids
from schemas.codec import Codec
from schemas.records import Audience, DigestWindowEnded, NotificationRequested, Output, SetTimer, Write
from schemas.topics import FANOUT, REQUESTS
from streams.audience.campaigns import campaign_of
from streams.audience.control import CANCELLED
from streams.digest.folding import Folding, Followed
from streams.digest.rules import Made, Timer, Whose
from streams.digest.state import packed, unpacked
from streams.step.model import Effects
from streams.step.step import View
from streams.timers.outputs import timer_output

TABLE = "digests"
KIND = "digest"
"""Of the timers of windows."""
LISTED = 50
"""Digests of one user that are known by the user; one beyond that does not hear that the user was seen."""
_Key = tuple[str, str]
"""Category and digest key."""
_decode_keys: Callable[[bytes], list[_Key]] = msgspec.msgpack.Decoder(list[_Key]).decode


def folding(view: View, all_whose: Iterable[Whose], now: int) -> Folding:
    """The digests of these, as they are. `now`: epoch ms."""
    whose = list(all_whose)
    values = view.get_many(TABLE, [_row_key(each) for each in whose])
    rows = {each: unpacked(value) for each, value in zip(whose, values, strict=True)}
    return Folding(rows, lambda notification: campaign_of(view, notification.encode()).state == CANCELLED, now)


def digests_of(view: View, user: str) -> list[Whose]:
    """All digests of a user of which something is known."""
    return [Whose(user, *key) for key in _keys(view, user)]


def effects_of(codec: Codec, view: View, folded: Folding, partition: int) -> Effects:
    """What followed: rows, timers, and a request for each digest that was made."""
    effects = Effects()
    for each in folded.followed():
        if each.after != each.before:
            effects.writes.append(Write(TABLE, _row_key(each.whose), packed(each.after)))
        for after in each.nexts:
            effects.outputs += [_timer(codec, each.whose, timer, partition) for timer in after.timers]
            if after.made:
                effects.outputs.append(_request(codec, each.whose.user, after.made))
    effects.writes += _listed(view, folded.followed())
    return effects


def _timer(codec: Codec, whose: Whose, timer: Timer, partition: int) -> Output:
    timer_id = ids.window_timer_id(*whose, timer.window)
    ended = DigestWindowEnded(*whose, timer.window)
    write = Output(topic=FANOUT, partition=partition, key=whose.user.encode(), value=codec.encode(ended))
    told = SetTimer(timer_id, timer.due, KIND, write) if timer.due is not None else SetTimer(timer_id, 0)
    return timer_output(codec, told, partition)


def _request(codec: Codec, user: str, made: Made) -> Output:
    """A digest is asked for like any notification: planned, decided and told afresh."""
    name = made.notification.notification_id
    asked = NotificationRequested(made.notification, Audience([user]), name)
    return Output(topic=REQUESTS, key=name.encode(), value=codec.encode(asked))


def _listed(view: View, followed: Iterable[Followed]) -> Iterator[Write]:
    """The rows of the users whose digests are others now."""
    users: dict[str, dict[_Key, None]] = {}
    for each in followed:
        if (each.before is None) == (each.after is None):
            continue
        keys = users.setdefault(each.whose.user, dict.fromkeys(_keys(view, each.whose.user)))
        key = each.whose.category, each.whose.key
        if each.after is None:
            keys.pop(key, None)
        elif len(keys) < LISTED:
            keys[key] = None
    for user, left in users.items():
        yield Write(TABLE, user.encode(), msgspec.msgpack.encode(list(left)) if left else None)


def _keys(view: View, user: str) -> list[_Key]:
    value = view.get(TABLE, user.encode())
    return _decode_keys(value) if value is not None else []


def _row_key(whose: Whose) -> bytes:
    return "\0".join(whose).encode()
