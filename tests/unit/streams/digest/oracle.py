"""What becomes of digests, told without a state.

Of each window the oracle asks, input by input, whether that one ends it, counting anew from the window's beginning.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.ids import digest_id
from streams.digest.rules import NOW, Whose
from tests.unit.streams.digest.drawn import History, Input


class Digest(NamedTuple):
    """What a digest is, for both. `members`: by name, and empty when it is not to say them."""

    notification_id: str
    count: int
    members: tuple[str, ...]
    actors: str
    why: str
    at: int


class Oracle:
    """What becomes of all that arrived for one user and key."""

    def __init__(self, history: History, whose: Whose, inputs: Sequence[Input]) -> None:
        self._history, self._whose, self._inputs = history, whose, inputs
        self.answers: dict[str, str] = {}
        self.made: list[Digest] = []
        place, began = 0, None
        while place < len(inputs):
            here = inputs[place]
            if began is not None:
                place, began = self._window(place, began)
            elif here.kind == "arrives" and not history.cools and self._waits(here, here.at):
                began = here.at
            else:
                if here.kind == "arrives":
                    self.answers[here.name] = NOW
                    began = here.at if history.cools else None
                place += 1

    def _waits(self, input_: Input, began: int) -> bool:
        return not input_.about or input_.about > self._history.end_of(began, input_.at)

    def _over(self, place: int, end: int, began: int) -> int:
        """When the record that ends the window is met, unless more comes: the timer is set at the last look, and each record is one."""
        looked = max([began, *(each.at for each in self._came(place, end, began))])
        while True:
            met = max(looked, self._history.end_of(began, looked) + self._history.late_ms)
            if self._history.end_of(began, met) <= met:
                return met
            looked = met

    def _window(self, place: int, began: int) -> tuple[int, int | None]:
        """Where the next one goes on, and since when others wait then."""
        for end in range(place, len(self._inputs) + 1):
            over = self._over(place, end, began)
            if end == len(self._inputs) or not self._history.comes_before(self._inputs[end].at, over):
                made = self._close(place, end, began, "ended", over)
                return end, over if made and self._history.cools else None
            at, why = self._inputs[end].at, self._why(place, end, began)
            if why:
                self._close(place, end + 1, began, why, at)
                since = {"ended": at, "gone": None}.get(why, began)
                return end + 1, since if self._history.cools else None
        raise AssertionError("every window has an end")

    def _why(self, place: int, end: int, began: int) -> str:
        """Whether the input at `end` ends the window, and why."""
        last = self._inputs[end]
        before, after = self._left(place, end, began), self._left(place, end + 1, began)
        if last.kind == "gone":
            return "gone"
        if last.kind == "arrives" and self._history.hour is None and len(after) > len(before) and len(after) == self._history.policy.count:
            return "ended"
        if last.kind == "cancelled" and before and not after:
            return "cancelled"
        came = [each.at for each in self._inputs[place:end] if each.kind == "arrives"]
        return "seen" if last.kind == "seen" and before and last.about > max(came) else ""

    def _came(self, place: int, end: int, began: int) -> list[Input]:
        return [each for each in self._inputs[place:end] if each.kind == "arrives" and self._waits(each, began)]

    def _left(self, place: int, end: int, began: int) -> list[Input]:
        off = {each.name for each in self._inputs[place:end] if each.kind == "cancelled"}
        return [each for each in self._came(place, end, began) if each.name not in off]

    def _close(self, place: int, end: int, began: int, why: str, at: int) -> bool:
        """Note what came of all that came; whether there is a digest of it."""
        came, left = self._came(place, end, began), self._left(place, end, began)
        for each in self._inputs[place:end]:
            if each.kind == "arrives" and each not in came:
                self.answers[each.name] = NOW
        if not came:
            return False
        name = digest_id(*self._whose, came[0].name)
        self.answers |= {each.name: name for each in came}
        says = left if why in ("ended", "seen") else []
        self.made.append(Digest(name, len(left), tuple(each.name for each in says), _said([each.actor for each in says]), why, at))
        return True


def _said(actors: Sequence[str]) -> str:
    names: list[str] = []
    for name in reversed(actors):
        if name and name not in names:
            names.append(name)
    others = f"{len(names) - 2} other" + "s" * (len(names) > 3)
    return (
        ["", *names][len(names)]
        if len(names) < 2
        else f"{names[0]} and {names[1]}"
        if len(names) == 2
        else f"{names[0]}, {names[1]} and {others}"
    )
