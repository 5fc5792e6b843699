"""A client of ClickHouse: a server by its DSN, or the engine in this process (`chdb:///path`), with its memory bounded."""

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import Error

from projections.errors import EngineBusy, StoreUnavailable

MB = 1024 * 1024


@dataclass(frozen=True)
class Engine:
    """Where ClickHouse is, and what the embedded one may use. A server has its own configuration."""

    dsn: str
    database: str = "carillon"
    memory_bytes: int = 1024 * MB
    query_memory_bytes: int = 512 * MB
    cache_bytes: int = 16 * MB
    threads: int = 2
    connect_timeout_s: int = 10
    receive_timeout_s: int = 60

    @property
    def embedded(self) -> bool:
        return self.dsn.startswith("chdb:")

    @property
    def path(self) -> str:
        """The folder of the embedded engine."""
        return urlsplit(self.dsn).path

    def __repr__(self) -> str:
        place = urlsplit(self.dsn)
        return f"Engine({place.scheme}://{place.hostname or ''}{place.path}/{self.database})"


def connect(engine: Engine, database: str | None = None) -> Any:
    """A client, in `database` when one is given. Raises EngineBusy, StoreUnavailable."""
    try:
        client = _embedded(engine) if engine.embedded else _server(engine)
        if database:
            client.database = database
        return client
    except Error as error:
        if engine.embedded and _is_locked(Path(engine.path) / "status"):
            raise EngineBusy(f"{engine.path} is open in another process: stop it, or ask it (run/clickhouse.json)") from error
        raise StoreUnavailable(f"ClickHouse at {engine!r}: {error}") from error


def release_memory(client: Any, engine: Engine) -> None:
    """Give the embedded engine's free pages back to the system; its allocator keeps them for seconds (500 MB down to 315, in 20 ms)."""
    if engine.embedded:
        client.command("SYSTEM JEMALLOC PURGE")


def _is_locked(status: Path) -> bool:
    """Whether another process holds ClickHouse's status file (it is locked with flock while the folder is open)."""
    try:
        with status.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _embedded(engine: Engine) -> Any:
    Path(engine.path).parent.mkdir(parents=True, exist_ok=True)
    options = {
        "max_server_memory_usage": engine.memory_bytes,
        "mark_cache_size": engine.cache_bytes,
        "primary_index_cache_size": engine.cache_bytes,
        "uncompressed_cache_size": engine.cache_bytes,
        "query_condition_cache_size": engine.cache_bytes,
        "compiled_expression_cache_size": engine.cache_bytes,
        "background_pool_size": 2,
    }
    return clickhouse_connect.get_client(dsn=engine.dsn, chdb_options=options, settings=_settings(engine))


def _server(engine: Engine) -> Any:
    return clickhouse_connect.get_client(
        dsn=engine.dsn,
        connect_timeout=engine.connect_timeout_s,
        send_receive_timeout=engine.receive_timeout_s,
        autogenerate_session_id=False,
    )


def _settings(engine: Engine) -> dict[str, Any]:
    return {
        "max_threads": engine.threads,
        "max_insert_threads": 1,
        "max_memory_usage": engine.query_memory_bytes,
        "max_bytes_before_external_group_by": engine.query_memory_bytes // 2,
        "max_bytes_before_external_sort": engine.query_memory_bytes // 2,
        "max_execution_time": engine.receive_timeout_s,
    }
