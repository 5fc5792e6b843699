"""Applies the numbered CQL files, once each, in order, by one process at a time.

Killed between a statement and its record: the file is run again, and every statement in it is IF NOT EXISTS.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session

from projections.cassandra.connect import Contact
from projections.errors import MigrationLocked, StoreUnavailable
from projections.migrations import Migration, load, missing

LOCK_TTL_S = 60
LOCK_WAIT_S = 90.0
DDL_TIMEOUT_S = 60.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (version int PRIMARY KEY, name text, checksum text, applied_at timestamp)",
    "CREATE TABLE IF NOT EXISTS schema_lock (name text PRIMARY KEY, owner text)",
)


def migrate(session: Session, contact: Contact) -> list[str]:
    """Make the keyspace and apply what is missing; returns the names applied. The session is left in the keyspace.

    Raises MigrationChanged, MigrationLocked, StoreUnavailable.
    """
    try:
        return _migrate(session, contact)
    except (DriverException, NoHostAvailable) as error:
        raise StoreUnavailable(f"Cassandra at {contact!r} was not migrated: {error!r}") from error


def _migrate(session: Session, contact: Contact) -> list[str]:
    _run(session, f'CREATE KEYSPACE IF NOT EXISTS "{contact.keyspace}" WITH replication = {contact.replication}')
    session.set_keyspace(contact.keyspace)
    for table in _TABLES:
        _run(session, table)
    if not _todo(session):
        return []
    with _lock(session):
        todo = _todo(session)
        for migration in todo:
            _apply(session, migration)
    return [migration.name for migration in todo]


def _apply(session: Session, migration: Migration) -> None:
    for statement in migration.statements:
        _run(session, statement)
    session.execute(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (%s, %s, %s, toTimestamp(now()))",
        (migration.version, migration.name, migration.checksum),
    )


def _todo(session: Session) -> list[Migration]:
    applied = {row.version: row.checksum for row in session.execute("SELECT version, checksum FROM schema_migrations")}
    return missing(load("projections.cassandra"), applied)


@contextmanager
def _lock(session: Session) -> Iterator[None]:
    owner, give_up = uuid.uuid4().hex, time.monotonic() + LOCK_WAIT_S
    take = f"INSERT INTO schema_lock (name, owner) VALUES ('migrations', %s) IF NOT EXISTS USING TTL {LOCK_TTL_S}"
    while not session.execute(take, (owner,)).was_applied:
        if time.monotonic() > give_up:
            raise MigrationLocked(f"another process holds the migration lock for over {LOCK_WAIT_S:.0f} s")
        time.sleep(0.2)
    try:
        yield
    finally:
        session.execute("DELETE FROM schema_lock WHERE name = 'migrations' IF owner = %s", (owner,))


def _run(session: Session, statement: str) -> None:
    session.execute(statement, timeout=DDL_TIMEOUT_S)
