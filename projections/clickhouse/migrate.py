"""Applies the numbered SQL files, once each, in order.

Every statement is IF NOT EXISTS or OR REPLACE: two processes that migrate at once, or one killed in the middle, do no harm.
"""

from typing import Any

from projections.migrations import load, missing

_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations
    (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
    ENGINE = ReplacingMergeTree(applied_at) ORDER BY version"""


def migrate(client: Any, database: str) -> list[str]:
    """Make the database and apply what is missing; returns the names applied. The client is left in the database.

    Raises MigrationChanged, and the client's errors.
    """
    client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`", use_database=False)
    client.database = database
    client.command(_TABLE)
    applied = dict(client.query("SELECT version, checksum FROM schema_migrations FINAL").result_rows)
    todo = missing(load("projections.clickhouse"), applied)
    for migration in todo:
        for statement in migration.statements:
            client.command(statement)
        row = [migration.version, migration.name, migration.checksum]
        client.insert("schema_migrations", [row], column_names=["version", "name", "checksum"])
    return [migration.name for migration in todo]
