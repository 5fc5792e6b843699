"""What ends of sends come to: counts that are given back, and a row that remembers what was had."""

from collections.abc import Callable

import msgspec

from schemas.records import SendsEnded, Write
from streams.audience.counting import TABLE as CAPS
from streams.audience.counting import Counting
from streams.audience.ended import TABLE, Ended, ended, key_of
from streams.policy.caps import is_over
from streams.step.model import Effects, Input
from streams.step.step import View


class GivingBack:
    """Of the common lane: nothing counts on the other."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms."""
        self._clock = clock

    def decide(self, view: View, told: SendsEnded, record: Input) -> Effects:
        """The counters of those with no channel left, less by one; nothing for what was had, or was counted on another day."""
        now, key = self._clock(), key_of(told)
        if is_over(told.counted_at, now):
            return Effects()
        row = view.get(TABLE, key)
        known = msgspec.msgpack.decode(row, type=Ended) if row is not None else Ended()
        after, back = ended(known, told)
        if after == known:
            return Effects()
        counting = Counting(lambda keys: view.get_many(CAPS, keys), back, now)
        for user in back:
            counting.of[user].give_back(user, told.category, told.counted_at)
        return Effects(writes=[*counting.writes(), Write(TABLE, key, msgspec.msgpack.encode(after))])
