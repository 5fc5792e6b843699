"""How many users an audience expression holds for, from the records of `notify.profiles`. Pure."""

from dataclasses import dataclass
from math import ceil, sqrt

from schemas.records import Profile
from streams.audience.matching import holds
from streams.audience.nodes import Expression

DEVIATIONS = 1.96
"""Of the normal distribution: nineteen times of twenty the number is within them."""


@dataclass(frozen=True)
class Count:
    """`users` of `profiles`, from `counted` of all `partitions`. `margin`: 19 times of 20 `users` is not further off; 0: exact."""

    expression: str
    users: int
    profiles: int
    margin: int
    exact: bool
    counted: int
    partitions: int


class Counter:
    """Told of every profile of one partition, in the log's order."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self._found: dict[bytes, bool] = {}

    def note(self, key: bytes, profile: Profile | None) -> None:
        """A user's profile, or that they are gone. The last one counts."""
        if profile is None:
            self._found.pop(key, None)
        else:
            self._found[key] = holds(self._expression, profile)

    def totals(self) -> tuple[int, int]:
        """Users it holds for, and profiles."""
        return sum(self._found.values()), len(self._found)


def count_of(expression: str, totals: list[tuple[int, int]], partitions: int) -> Count:
    """The count of all partitions from the (users, profiles) of some: users are spread over partitions by a hash, as by chance."""
    counted = len(totals)
    users, profiles = (sum(column) for column in zip(*totals, strict=True))
    exact = counted == partitions
    scale = partitions / counted
    margin = 0 if exact else ceil(DEVIATIONS * scale * sqrt(max(users, 1) * (1 - 1 / scale)))
    return Count(expression, round(users * scale), round(profiles * scale), margin, exact, counted, partitions)
