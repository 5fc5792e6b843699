"""Whom a replay finds, by partition, and the batches they are of."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from ops.replay.model import Chosen, Key, Line, Lines, provider_of
from ops.replay.people import People
from ops.replay.rules import Known, why_not
from ops.replay.words import GO
from schemas.records import DeliverBatch, StatusBatch


@dataclass
class Unit:
    """Those of one batch who are sent again. `misses`: how often another replay was before this one."""

    part: "Part"
    batch_id: str
    keys: list[Key]
    misses: int = 0

    def left(self) -> list[Key]:
        """Those of whom nothing was told since."""
        return [key for key in self.keys if self._is_left(key)]

    def _is_left(self, key: Key) -> bool:
        person = self.part.people.people.get(key)
        return person is not None and person.told.status.batch_id == self.batch_id and person.later is None and not person.heard


@dataclass
class Part:
    """One partition. `position`: from there on its statuses were not read. `orphans`: statuses of replays whose command is not there."""

    number: int
    people: People
    position: int
    batches: dict[str, DeliverBatch]
    orphans: list[StatusBatch]
    lines: Lines
    units: list[Unit]


def judged(part: Part, chosen: Chosen, known: Known) -> None:
    """Fill in what becomes of each candidate of a partition."""
    part.lines = part.people.lines
    units: dict[str, Unit] = {}
    for key, person in part.people.people.items():
        why, status = why_not(key, person, chosen, known), person.told.status
        part.lines[Line(why, key[0], key[1], provider_of(status, person.row), person.outcome.reason)] += 1
        if why == GO:
            units.setdefault(status.batch_id, Unit(part, status.batch_id, [])).keys.append(key)
    part.units = list(units.values())


class Found:
    """All partitions."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    @property
    def lines(self) -> Lines:
        """How many are sent again, and why the others are not."""
        return sum((part.lines for part in self.parts), Counter[Line]())

    @property
    def unfinished(self) -> int:
        """Recipients whom an earlier replay reopened and did not hand over."""
        return sum(len(status.users) for part in self.parts for status in part.orphans)

    @property
    def going(self) -> int:
        """Recipients who are sent again."""
        return sum(len(unit.keys) for part in self.parts for unit in part.units)

    def units(self) -> Iterator[Unit]:
        """One of each partition in turn: limits of providers are shared by partition."""
        for some in zip_longest(*(part.units for part in self.parts)):
            yield from (unit for unit in some if unit is not None)
