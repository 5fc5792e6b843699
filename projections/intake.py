"""Messages to items: decoded, checked, and what can't be used set aside."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from confluent_kafka import Message

from projections.base import Item, Position
from projections.checks import check
from projections.retry import Backoff, Sleep, retried
from schemas.codec import Codec
from schemas.errors import RecordRefused, RegistryUnavailable
from schemas.records import Record


class Aside(Protocol):
    """Where refused records go."""

    def put(self, message: Message, error: RecordRefused) -> None:
        """Take one."""


class Intake:
    """Knows which record each topic carries."""

    def __init__(self, codec: Codec, kinds: Mapping[str, type[Record]], aside: Aside, backoff: Backoff, sleep: Sleep) -> None:
        self._codec, self._kinds, self._aside = codec, kinds, aside
        self._backoff, self._sleep = backoff, sleep

    def items(self, messages: Iterable[Message]) -> list[Item]:
        """The good ones, in order; the others are put aside. Raises RegistryUnavailable after the last try."""
        items = []
        for message in messages:
            position = Position(message.topic() or "", message.partition() or 0, message.offset() or 0)
            try:
                items.append(Item(self._record(message, self._kinds[position.topic]), position))
            except RecordRefused as error:
                self._aside.put(message, error)
        return items

    def _record(self, message: Message, kind: type[Record]) -> Record:
        value = message.value()
        try:
            record = self._codec.decode(value, kind)
        except RegistryUnavailable:
            # an unreachable registry says nothing about the record
            record = retried(lambda: self._codec.decode(value, kind), RegistryUnavailable, self._backoff, self._sleep)
        check(record)
        return record
