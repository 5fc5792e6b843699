"""Watches one notification on the log, from before it was asked for until nothing more is to come."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import Message

from ops.cli.errors import BadRequest, GaveUp
from ops.cli.logtail import Follow, consumer, ends
from ops.cli.producing import Place
from ops.cli.tally import Tally
from schemas.codec import Codec
from schemas.deadletter import dead_letter_key
from schemas.records import AudienceExpanded, DeadLetter, StatusBatch
from schemas.topics import DLQ, EXPANSIONS, STATUS

POLL_S = 0.2


class Watch:
    """Follows `notify.expansions`, `notify.status` and `notify.dlq` from where they end now."""

    def __init__(self, follow: Follow, codec: Codec) -> None:
        self._follow = follow
        self._codec = codec

    def until_complete(self, notification_id: str, requests: Sequence[Place], timeout_s: float, show: Callable[[Tally], None]) -> Tally:
        """The final tally; `show` sees it as it grows. `requests`: where it, or the parts of its list, are.

        Raises BadRequest when one of them is refused, GaveUp when time is up.
        """
        tally, key, dead = Tally(), notification_id.encode(), {dead_letter_key(*place) for place in requests}
        deadline = time.monotonic() + timeout_s
        while not tally.complete:
            for message in self._follow.poll(POLL_S):
                if message.key() == key:
                    self._count(tally, message)
                elif (letter_id := message.key()) in dead:
                    letter = self._codec.decode(message.value(), DeadLetter)
                    raise BadRequest(f"refused by {letter.step}: {letter.detail}; it is in the DLQ as {letter_id.decode()}")
            show(tally)
            if time.monotonic() > deadline:
                raise GaveUp(f"not complete after {timeout_s:.0f} s; it goes on: `carillon status {notification_id}`")
        return tally

    def _count(self, tally: Tally, message: Message) -> None:
        if message.topic() == EXPANSIONS:
            tally.expanded(self._codec.decode(message.value(), AudienceExpanded))
        elif message.topic() == STATUS:
            tally.told(self._codec.decode(message.value(), StatusBatch))


@contextmanager
def watching(bootstrap: str, codec: Codec) -> Iterator[Watch]:
    """A watch that sees what is written from now on."""
    with consumer(bootstrap) as reader:
        yield Watch(Follow(reader, ends(reader, (EXPANSIONS, STATUS, DLQ))), codec)
