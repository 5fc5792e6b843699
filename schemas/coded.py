"""Columns of records that have few distinct values: each value once, and an index for each row. Pure."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

H = TypeVar("H", bound=Hashable)
T = TypeVar("T")


def coded(column: Iterable[H]) -> tuple[list[H], list[int]]:
    """The distinct values of a column in the order of their first rows, and the index of each row's."""
    numbers: dict[H, int] = {}
    indexes = [numbers.setdefault(value, len(numbers)) for value in column]
    return list(numbers), indexes


def rows_of(values: Sequence[T], indexes: Sequence[int], rows: Iterable[int]) -> tuple[list[T], list[int]]:
    """The same of some rows of a column: only the values that these have."""
    kept, again = coded(indexes[row] for row in rows)
    return [values[number] for number in kept], again
