"""The Faust app of one role, with the settings that docs/adr/0001 found to matter."""

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import faust
from faust.tables.manager import TableManager

from streams.settings import WorkerSettings
from streams.step.lease import Lease
from streams.step.partition import Die
from streams.transport import LogTransport

REQUEST_TIMEOUT_MARGIN_S = 10.0


class NoTables(TableManager):  # type: ignore[misc]
    """Faust waits for a second here, for tables to be declared. There are none, and a restart is a second shorter."""

    async def on_start(self) -> None:
        """Go on to recovery, which sets the consumer going."""
        await self._update_channels()
        await self.recovery.start()


def make_app(role: str, topics: Iterable[str], bootstrap: str, home: Path, settings: WorkerSettings, lease: Lease, die: Die) -> faust.App:
    """An app whose consumer group is `carillon.<role>`. It has no Faust tables: state is in `streams.step.store`."""
    folder = home / "state" / "faust" / f"{role}-{settings.worker}"
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        f"carillon.{role}",
        broker=";".join(f"kafka://{server}" for server in bootstrap.split(",")),
        store="memory://",
        TableManager=NoTables,
        datadir=str(folder),
        processing_guarantee="at_least_once",
        autodiscover=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        # static membership: a restart within the session keeps its partitions, and nobody else stops (2 s against 8-11 s)
        consumer_group_instance_id=member_id(role, topics, settings.worker),
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.heartbeat,
        broker_request_timeout=settings.session_timeout + REQUEST_TIMEOUT_MARGIN_S,
        broker_commit_interval=settings.commit_interval,
        stream_buffer_maxsize=256,
        stream_wait_empty=True,
        producer_request_timeout=30.0,
    )
    app.transport = LogTransport(app, bootstrap, lease, die)
    return app


def member_id(role: str, topics: Iterable[str], worker: str) -> str:
    """The name of a static member of the group: stable over restarts, another one when a release reads other topics.

    The broker hands a static member its old partitions without looking at what it subscribes to now, and the client never works.
    """
    return f"{role}-{worker}-{crc32(' '.join(sorted(topics)).encode()):08x}"
