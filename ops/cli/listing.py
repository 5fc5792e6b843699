"""A file of users of any length, in bounded memory: checked line by line, and put in order on disk, each user once."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import BinaryIO

from ops.cli.errors import BadRequest, GaveUp
from schemas.errors import RecordRefused
from streams.profiles.rules import check_user

STDIN = "-"
MAX_LINE_BYTES = 8192
PART_USERS, PART_BYTES = 20_000, 500_000
"""Of one request: half of what a record takes, as a notification may be 64 KiB."""
_SETTINGS = ("cache_size = -4096", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE")
_TABLES = ("CREATE TABLE lines (user TEXT NOT NULL)", "CREATE TABLE listed (user TEXT NOT NULL)")
_LIST = "INSERT INTO listed SELECT user FROM lines GROUP BY user ORDER BY user"


class Listing:
    """The users of a file in ascending order of their bytes, which is what a list in parts has to be in."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.lines, self.users = self._count("lines"), self._count("listed")
        """Lines that name somebody, and how many users they name."""

    def parts(self) -> Iterator[list[str]]:
        """The users, as many at a time as one request takes."""
        part, size = list[str](), 0
        for (user,) in self._database.execute("SELECT user FROM listed ORDER BY rowid"):
            mine = len(user.encode())
            if len(part) == PART_USERS or size + mine > PART_BYTES:
                yield part
                part, size = [], 0
            part.append(user)
            size += mine
        if part:
            yield part

    def _count(self, table: str) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@contextmanager
def listed(path: str) -> Iterator[Listing]:
    """The users of a file (`-`: stdin), one a line, for the time of the block.

    Raises BadRequest, with its number, for a line that names nobody who can be; OSError; GaveUp when there is no room to sort them.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:  # a file that nobody else sees, and that goes with it
        try:
            with open(sys.stdin.fileno() if path == STDIN else path, "rb", closefd=path != STDIN) as file:
                listing = _filled(database, path, file)
            yield listing
        except sqlite3.Error as error:
            raise GaveUp(f"--users-file {path}: {error} (it is sorted in a file in SQLITE_TMPDIR, TMPDIR or /var/tmp)") from error


def _filled(database: sqlite3.Connection, path: str, file: BinaryIO) -> Listing:
    for setting in _SETTINGS:
        database.execute(f"PRAGMA {setting}")
    for table in _TABLES:
        database.execute(table)
    database.execute("BEGIN")
    database.executemany("INSERT INTO lines VALUES (?)", read(file))
    database.execute(_LIST)
    listing = Listing(database)
    if not listing.users:
        raise BadRequest(f"--users-file {path}: it names nobody")
    return listing


def read(file: BinaryIO) -> Iterator[tuple[str]]:
    """The user of each line that is not empty. Raises BadRequest with the line's number."""
    for number, line in enumerate(iter(partial(file.readline, MAX_LINE_BYTES + 1), b""), 1):
        try:
            if user := _user(line):
                yield (user,)
        except (RecordRefused, ValueError) as error:
            raise BadRequest(f"--users-file, line {number}: {error}") from error


def _user(line: bytes) -> str:
    """Who a line names; empty: nobody. Raises UserInvalid, ValueError."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    if user := line.decode("utf-8-sig").strip():
        check_user(user)
    return user
