"""A file of users of any length, in bounded memory: checked line by line, and put in order on disk, each user once.

A line is a user's id, or JSON with data of the user's own: `{"user": "u-1", "data": {"seat": "12A"}}`.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import BinaryIO

import msgspec

from ops.cli.errors import BadRequest, GaveUp
from schemas.errors import RecordRefused
from schemas.records import Audience
from streams.audience.own import bytes_of
from streams.planner.rules import MAX_OWN_BYTES
from streams.profiles.rules import check_user

STDIN = "-"
MAX_LINE_BYTES = 32_768
PART_USERS, PART_BYTES = 20_000, 500_000
"""Of one request: half of what a record takes, as a notification may be 64 KiB."""
_SETTINGS = ("cache_size = -4096", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE")
_TABLES = (
    "CREATE TABLE lines (user TEXT NOT NULL, data TEXT NOT NULL, line INTEGER NOT NULL)",
    "CREATE TABLE listed (user TEXT NOT NULL, data TEXT NOT NULL)",
)
_LIST = "INSERT INTO listed SELECT user, min(data) FROM lines GROUP BY user ORDER BY user"
_ANY_DATA = "SELECT 1 FROM lines WHERE data <> '' LIMIT 1"
_DIFFERS = "SELECT user, min(line), max(line) FROM lines GROUP BY user HAVING min(data) <> max(data) LIMIT 1"

Fits = Callable[[Mapping[str, str]], None]
"""Raises BadRequest for data of a user's own that can't be told."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    user: str
    data: dict[str, str] = {}


class Listing:
    """The users of a file in ascending order of their bytes, which is what a list in parts has to be in."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.lines, self.users = self._count("lines"), self._count("listed")
        """Lines that name somebody, and how many users they name."""

    def parts(self) -> Iterator[Audience]:
        """The users with their data, as many at a time as one request takes."""
        part, size = list[_Line](), 0
        for user, text in self._database.execute("SELECT user, data FROM listed ORDER BY rowid"):
            mine = len(user.encode()) + len(text.encode())
            if part and (len(part) == PART_USERS or size + mine > PART_BYTES):
                yield _audience(part)
                part, size = [], 0
            part.append(_Line(user, msgspec.json.decode(text, type=dict[str, str]) if text else {}))
            size += mine
        if part:
            yield _audience(part)

    def _count(self, table: str) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _audience(part: list[_Line]) -> Audience:
    return Audience([one.user for one in part], data=[one.data for one in part] if any(one.data for one in part) else [])


@contextmanager
def listed(path: str, fits: Fits) -> Iterator[Listing]:
    """The users of a file (`-`: stdin), for the time of the block.

    Raises BadRequest, with its number, for a line that names nobody who can be, or has data that can't; OSError; GaveUp when there is no
    room to sort them.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:  # a file that nobody else sees, and that goes with it
        try:
            with open(sys.stdin.fileno() if path == STDIN else path, "rb", closefd=path != STDIN) as file:
                listing = _filled(database, path, file, fits)
            yield listing
        except sqlite3.Error as error:
            raise GaveUp(f"--users-file {path}: {error} (it is sorted in a file in SQLITE_TMPDIR, TMPDIR or /var/tmp)") from error


def _filled(database: sqlite3.Connection, path: str, file: BinaryIO, fits: Fits) -> Listing:
    for setting in _SETTINGS:
        database.execute(f"PRAGMA {setting}")
    for table in _TABLES:
        database.execute(table)
    database.execute("BEGIN")
    database.executemany("INSERT INTO lines VALUES (?, ?, ?)", read(file, fits))
    if database.execute(_ANY_DATA).fetchone() and (differs := database.execute(_DIFFERS).fetchone()):
        user, first, last = differs
        raise BadRequest(f"--users-file, lines {first} to {last}: they say different data of user {user!r}")
    database.execute(_LIST)
    listing = Listing(database)
    if not listing.users:
        raise BadRequest(f"--users-file {path}: it names nobody")
    return listing


def read(file: BinaryIO, fits: Fits) -> Iterator[tuple[str, str, int]]:
    """User, data as JSON (empty: none) and number of each line that is not empty. Raises BadRequest with the line's number."""
    for number, line in enumerate(iter(partial(file.readline, MAX_LINE_BYTES + 1), b""), 1):
        try:
            if told := _told(line):
                fits(told.data)
                yield told.user, msgspec.json.encode(told.data, order="sorted").decode() if told.data else "", number
        except (BadRequest, RecordRefused, ValueError) as error:
            raise BadRequest(f"--users-file, line {number}: {error}") from error


def _told(line: bytes) -> _Line | None:
    """What a line says; None: nothing. Raises UserInvalid, ValueError."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    text = line.decode("utf-8-sig").strip()
    if not text:
        return None
    told = msgspec.json.decode(text, type=_Line) if text.startswith("{") else _Line(text)
    check_user(told.user)
    if (size := bytes_of(told.data)) > MAX_OWN_BYTES:
        raise ValueError(f"data of {size} bytes; the limit is {MAX_OWN_BYTES}")
    return told
