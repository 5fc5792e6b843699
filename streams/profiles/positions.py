"""What a source has said of a user, and where: by this the fold knows what is news. Pure.

Kept in `Profile.source_positions`, as few numbers as will do:

    "cdc:users": 9            its newest change; with nothing else of that source: all up to 9 is old, whatever it is about
    "api": 7                  its newest change, and
    "api#": 4                 all up to 4 is old (-1: nothing is),
    "api#email": 7            and of the e-mail address all up to 7,
    "api#devices:5d41402a": 6 of one device all up to 6
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

MARK = "#"
NEVER = -1
MAX_NOTES = 64
"""Of one source about one user. With more the oldest are forgotten, and all up to there is old, whatever it is about."""
_DIGEST_BYTES = 6

Positions = Mapping[str, int]


class Part(NamedTuple):
    """One thing that a change says: the value of a field, or of one element of it (None: it is taken away)."""

    field: str
    element: str | None
    value: Any


def newest(positions: Positions, source: str) -> int:
    """The position of the newest change of a source; NEVER: there was none."""
    return positions.get(source, NEVER)


def floor(positions: Positions, source: str) -> int:
    """Up to which position all that a source says is old."""
    return positions.get(source + MARK, newest(positions, source))


def reached(positions: Positions, source: str, part: Part) -> int:
    """Up to which position of its source a part is old. A list as a whole is older than anything newer that was said of its elements."""
    about = source + MARK + part.field
    known = max(floor(positions, source), positions.get(about, NEVER))
    if part.element is not None:
        return max(known, positions.get(_element_note(about, part.element), NEVER))
    return max([known, *(position for key, position in positions.items() if key.startswith(about + ":"))])


def noted(positions: Positions, source: str, position: int, parts: Iterable[Part], *, whole: bool) -> dict[str, int]:
    """The positions after a change that said `parts`, all of them news; `whole`: nothing older of the source counts any more."""
    own = source + MARK
    notes = {key: value for key, value in positions.items() if key.startswith(own) and key != own}
    for part in parts:
        about = own + part.field
        if part.element is None:
            notes = {key: value for key, value in notes.items() if not key.startswith(about + ":")}
        notes[about if part.element is None else _element_note(about, part.element)] = position
    old = max(floor(positions, source), position if whole else NEVER)
    if len(notes) > MAX_NOTES:
        old = max(old, sorted(notes.values())[-MAX_NOTES - 1])
    others = {key: value for key, value in positions.items() if key != source and not key.startswith(own)}
    return others | _of(source, max(newest(positions, source), position), old, notes)


def newest_of_all(positions: Positions) -> dict[str, int]:
    """Each source with its newest change: what may be kept of a user who is gone."""
    return {source: position for source, position in positions.items() if MARK not in source}


def _of(source: str, last: int, old: int, notes: Positions) -> dict[str, int]:
    if old == last:
        return {source: last}
    return {source: last, source + MARK: old} | {key: position for key, position in notes.items() if position > old}


def _element_note(about: str, element: str) -> str:
    """By digest: addresses are long, and nobody's business."""
    return f"{about}:{blake2b(element.encode(), digest_size=_DIGEST_BYTES).hexdigest()}"
