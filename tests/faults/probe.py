"""python -m tests.faults.probe KAFKA HOME TOPIC OUT: copies TOPIC to OUT by our lanes and settings; for test_faust_probes."""

import asyncio
import sys
import time
from pathlib import Path

import faust
import uvloop

from schemas import contract
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.provision import subjects
from schemas.records import Output
from schemas.registry import MemoryRegistry
from schemas.topics import catalogue
from streams.app import make_app
from streams.lanes import Lanes
from streams.settings import WorkerSettings
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import Effects, Input
from streams.step.reader import LogReader
from streams.step.step import RecordStep, View
from streams.step.store import Store
from streams.worker import die


class Copies(RecordStep):
    """Writes each record on, to the partition it came from."""

    name = "copies"

    def __init__(self, codec: Codec, out: str) -> None:
        super().__init__(codec, lambda: time.time_ns() // 1_000_000)
        self._out = out

    def decide(self, view: View, record: Input) -> Effects:
        return Effects([Output(topic=self._out, partition=record.partition, key=str(record.offset).encode(), value=record.value)])


def main(kafka: str, home: Path, topic: str, out: str) -> None:
    """Run until it is told to stop."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    registry, of = MemoryRegistry(), subjects(catalogue())
    for kind, subject in of.items():
        registry.register(subject, contract.schema_json(kind.__name__))
    codec, settings, role = Codec(registry, of), WorkerSettings(), f"probe.{topic}"
    lease = Lease(settings.session_timeout)
    app = make_app(role, [topic], kafka, home, settings, lease, die)
    Lanes(
        app,
        {topic: Copies(codec, out)},
        store=Store(home / "tables"),
        log=LogWriter(producer_config(kafka, lease.stall_s)),
        reader=LogReader(kafka, f"carillon.{role}"),
        codec=codec,
        die=die,
        lease=lease,
        on_assigned=lambda _: None,
        on_ready=lambda: None,
    )
    faust.Worker(app, loglevel="INFO", quiet=True, redirect_stdouts=False, loop=loop).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
