"""Which requests were had lately, so that one that comes again is known.

Providers repeat what they got no answer for, with the same id and the same content: that is harmless, and told as repeated. The same id
with other content is a replay of what was signed once, and is refused. Bounded in time (the tolerance: what is older is refused by its age)
and in number: when it is full the oldest is forgotten, and its repetition is taken once more, with the same `Heard.event_id`. Pure.
"""

import hmac
from collections import OrderedDict
from typing import Literal, NamedTuple, TypeAlias

from providers.feedback.base import Reading
from providers.feedback.errors import Replayed

Look: TypeAlias = Literal["new", "repeated"]


class _Had(NamedTuple):
    content: bytes
    until: int


class Seen:
    """The window. Put a reading in when what it says is durable, not before: a request that failed must be taken when it is repeated."""

    def __init__(self, keep_ms: int, most: int = 100_000) -> None:
        """`keep_ms`: how long an id is known, at least the longest tolerance and what a clock may be ahead. `most`: ids known at once."""
        self._keep_ms, self._most = keep_ms, most
        self._had: OrderedDict[tuple[str, str], _Had] = OrderedDict()

    def look(self, provider: str, reading: Reading, now: int) -> Look:
        """Return whether this is new at `now` (epoch ms). Raises Replayed when its id was had with other content."""
        self._forget(now)
        had = self._had.get((provider, reading.signed_id))
        if had is None:
            return "new"
        if not hmac.compare_digest(had.content, reading.content):
            raise Replayed("what was signed once was had before, with other content")
        return "repeated"

    def put(self, provider: str, reading: Reading, now: int) -> None:
        """Remember it from `now` on (epoch ms)."""
        self._had[provider, reading.signed_id] = _Had(reading.content, now + self._keep_ms)
        self._had.move_to_end((provider, reading.signed_id))
        while len(self._had) > self._most:
            self._had.popitem(last=False)

    def __len__(self) -> int:
        return len(self._had)

    def _forget(self, now: int) -> None:
        while self._had and next(iter(self._had.values())).until < now:
            self._had.popitem(last=False)
