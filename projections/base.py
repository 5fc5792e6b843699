"""What a projection is: records with their positions in, rows in a store out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.records import Record


class Position(NamedTuple):
    """Where a record is on the log."""

    topic: str
    partition: int
    offset: int


class Item(NamedTuple):
    """A record and where it is."""

    record: Record
    position: Position


class Projection(Protocol):
    """Writes rows. Whatever was written before may be written again, in any order: that changes no row and no figure."""

    @property
    def name(self) -> str:
        """Also the end of its consumer group's name."""

    def apply(self, items: Sequence[Item]) -> None:
        """Write everything `items` say; returns when the store has it all. Raises StoreUnavailable."""

    def close(self) -> None:
        """Let go of the store."""
