"""Histories of one user: tables by CDC, the API and feedback, in any order, repeated, with crashes; and whether the fold is right.

`histories()` are all of them, `check(history)` holds the fold against the oracle after every single record.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from schemas.records import Device, ProfileChanged
from schemas.table_changes import UNAVAILABLE, ElementMapping, TableMapping, profile_change
from streams.profiles.rules import User, fold
from tests.unit.streams.make import change
from tests.unit.streams.profiles.oracle import right

Values = Mapping[str, Sequence[Any]]

USERS = TableMapping(
    source="cdc:users",
    user_id="id",
    fields={"email": "email", "phone_verified": "verified", "tags": "tags", "channels": "channels"},
    on_delete="user_gone",
)
PREFERENCES = TableMapping(
    source="cdc:preferences",
    user_id="id",
    fields={"channels": "channels", "daily_digest": "digest", "devices": "devices", "chat": "chat"},
    quiet_hours=("quiet_from", "quiet_to"),
)
BOUNCES = ElementMapping(source="cdc:bounces", user_id="id", kind="suppressed", element="address", about="why")
TABLES: dict[str, TableMapping | ElementMapping] = {mapping.source: mapping for mapping in (USERS, PREFERENCES, BOUNCES)}
CHANNELS = ([], ["push"], ["email", "push"])
DEVICES = ([Device("ios", "t1")], [Device("web", "t2")], [Device("web", "t1"), Device("web", "t2")])
TOKENS = (["t1"], ["t2"], ["t1", "t2"])
CATEGORIES = (["promotional"], ["engagement"])
MINUTE_US = 60_000_000
COLUMNS: dict[str, Values] = {
    USERS.source: {
        "email": (None, "a@x", "b@x"),
        "verified": (None, True, False),
        "tags": (None, ["x"], ["y"], UNAVAILABLE),
        "channels": (None, *CHANNELS),
    },
    PREFERENCES.source: {
        "channels": (None, *CHANNELS),
        "digest": (None, 8),
        "devices": (None, ["ios:t1"], ["web:t2", "ios:t1"], UNAVAILABLE),
        "chat": (None, ["slack:U1"], ["slack:U2", "webhook:https://x.example/1"]),
        "quiet_from": (None, 60 * MINUTE_US),
        "quiet_to": (120 * MINUTE_US,),
    },
    BOUNCES.source: {"address": ("a@x", "t1"), "why": ("hard_bounce", "dead_token")},
}
SAID: dict[str, Values] = {
    "api": {
        "deleted": (True,),
        "channels": CHANNELS,
        "devices": ([], *DEVICES),
        "add_devices": DEVICES,
        "remove_devices": TOKENS,
        "reset": (["quiet_hours"], ["daily_digest", "channels"]),
        "daily_digest": (7, 9),
        "chat": ({}, {"slack": "U1"}, {"teams": "https://x.example/2", "slack": "U3"}),
        "unsubscribe": CATEGORIES,
        "resubscribe": CATEGORIES,
        "whole": (True,),
    },
    "feedback": {
        "remove_devices": TOKENS,
        "suppress": ({"a@x": "hard_bounce"}, {"b@x": "complaint"}, {"t1": "dead_token", "a@x": "stop"}),
        "unsuppress": (["a@x"], ["b@x"]),
        "unsubscribe": CATEGORIES,
    },
}
TIMES = range(6)
KINDS = 400
"""Of changes of one source: histories are made of them."""
LONGEST = 12


class RowSaid(NamedTuple):
    """What becomes of a row, and how Debezium says so."""

    operation: str
    columns: dict[str, Any]
    enveloped: bool
    ts_ms: int


class History(NamedTuple):
    """What the log has, in its order; after record n the step is killed, and the last `crashes[n]` records come again."""

    log: list[ProfileChanged]
    crashes: list[int]


def histories() -> st.SearchStrategy[History]:
    """All of them, by a number: drawn one by one hypothesis would make most of them of nearly nothing."""
    return st.integers(0, 2**48).map(history)


def history(number: int) -> History:
    """Any order of anything that up to three of five sources say, each change as often as may be."""
    dice = Random(number)
    sources = dice.sample([*SAID, *TABLES], dice.randint(1, 3))
    said = [each for source in sources for each in _changes(source, dice.choices(KINDS_OF[source], k=dice.randint(1, 5)))]
    log = dice.choices(said, k=dice.randint(1, LONGEST))
    if dice.random() < 0.5:
        log = _each_in_order(log)
    return History(log, [dice.choice([0, 1, 3]) for _ in log])


def check(history: History) -> None:
    """Raises AssertionError, with the smallest history, when the fold does not make of it what the oracle says."""
    if difference(history):
        small = _smallest(history)
        said = "\n".join(f"{each}, then {again} again" for each, again in zip(*small, strict=True))
        raise AssertionError(f"{difference(small)}\nafter\n{said}")


def difference(history: History) -> str:
    """The first record after which the fold is not right; empty: none."""
    user = User()
    for offset, (each, again) in enumerate(zip(*history, strict=True)):
        user = fold(user, each, offset)
        expected = _sorted(right(history.log[: offset + 1]))
        if content(user) != expected:
            return f"record {offset} makes {content(user)} instead of {expected}"
        for place in range(max(0, offset + 1 - again), offset + 1):
            if fold(user, history.log[place], place) is not user:
                return f"record {place} counts twice"
    return ""


def _smallest(history: History) -> History:
    """A history that differs, and does not without any one of its records."""
    for place in range(len(history.log)):
        shorter = History(*([*part[:place], *part[place + 1 :]] for part in history))
        if difference(shorter):
            return _smallest(shorter)
    return history


def content(user: User) -> dict[str, Any] | None:
    """The fields of a profile that somebody says."""
    if user.profile is None:
        return None
    about_it = {"user_id", "updated_at", "applied_offset", "source_positions"}
    return _sorted({name: getattr(user.profile, name) for name in user.profile.__struct_fields__ if name not in about_it})


def _sorted(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    if fields is None:
        return None
    devices = sorted(fields["devices"], key=lambda device: (device.token, device.platform))
    return fields | {"devices": devices, "unsubscribed": sorted(fields["unsubscribed"])}


def _changes(source: str, some: Sequence[Any]) -> list[ProfileChanged]:
    if source in SAID:
        return [change(source=source, position=position, **patch) for position, patch in enumerate(some)]
    changes = [_row(TABLES[source], each, place) for place, each in enumerate(some)]
    assert len({each.source_position for each in changes}) == len(changes), "each change of a row has a position of its own"
    return changes


def _row(mapping: TableMapping | ElementMapping, said: RowSaid, place: int) -> ProfileChanged:
    """Every change has an LSN of its own, but for what a snapshot read: it shares that of the change after it."""
    lsn = place + (said.operation == "r")
    made = profile_change(mapping, _enveloped(said, lsn) if said.enveloped else _unwrapped(said, lsn))
    assert made is not None
    return made


def _enveloped(said: RowSaid, lsn: int) -> dict[str, Any]:
    before, after = (said.columns, None) if said.operation == "d" else (None, said.columns)
    return {"op": said.operation, "before": before, "after": after, "source": {"lsn": lsn, "ts_ms": said.ts_ms}, "ts_ms": 99}


def _unwrapped(said: RowSaid, lsn: int) -> dict[str, Any]:
    deleted = "true" if said.operation == "d" else "false"
    return said.columns | {"__op": said.operation, "__source_lsn": lsn, "__source_ts_ms": said.ts_ms, "__deleted": deleted}


def _each_in_order(log: Sequence[ProfileChanged]) -> list[ProfileChanged]:
    """The log of sources of which each says everything in its order, as it mostly is."""
    queues = {each.source: iter(sorted((other for other in log if other.source == each.source), key=_position)) for each in log}
    return [next(queues[each.source]) for each in log]


def _position(said: ProfileChanged) -> int:
    return said.source_position


def _kinds_of_patches(values: Values, dice: Random) -> list[dict[str, Any]]:
    patches = [{field: dice.choice(choices) for field, choices in values.items() if dice.random() < 0.25} for _ in range(KINDS)]
    return [patch | {"occurred_at": dice.choice(TIMES)} for patch in patches]


def _kinds_of_rows(values: Values, dice: Random) -> list[RowSaid]:
    rows = [{"id": "ann"} | {column: dice.choice(choices) for column, choices in values.items()} for _ in range(KINDS)]
    return [RowSaid(dice.choice("rcuud"), row, dice.random() < 0.5, dice.choice(TIMES)) for row in rows]


KINDS_OF: dict[str, Sequence[Any]] = {source: _kinds_of_patches(values, Random(source)) for source, values in SAID.items()}
KINDS_OF |= {source: _kinds_of_rows(values, Random(source)) for source, values in COLUMNS.items()}
