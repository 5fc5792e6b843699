"""A Kafka and a registry of one's own, empty: what is killed and poisoned here disturbs nobody."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka.admin import AdminClient

from ops.demo.upstream.events import EventWriter
from ops.endpoints import Endpoints
from ops.local import stack
from ops.local.paths import Home
from ops.local.ports import Ports
from ops.local.settings import Settings
from schemas.provision import apply_topics, check_topics, register_schemas
from schemas.registry import ConfluentRegistry
from streams.settings import WorkerSettings
from tests.ports import free_base

PARTS = ("kafka", "registry")
VISIBLE_S, START_S = 20.0, 180.0


@contextmanager
def fresh_stack(folder: Path) -> Iterator[Endpoints]:
    """Both parts healthy, every topic and schema there and nothing in them; stopped and removed at the end."""
    with own_stack(folder) as (endpoints, _):
        yield endpoints


@contextmanager
def own_stack(folder: Path, parts: Iterable[str] = PARTS) -> Iterator[tuple[Endpoints, Settings]]:
    """As `fresh_stack`, with the settings by which its parts can be stopped and started again (`ops.local.stack`)."""
    ports = Ports.load({"CARILLON_PORT_BASE": str(free_base(28000))})
    settings = replace(Settings.load(), home=Home(folder, Home.load().jars), ports=ports, start_timeout_s=START_S)
    try:
        endpoints = stack.up(parts, settings=settings)
        provision(endpoints)
        yield endpoints, settings
    finally:
        stack.clean(settings=settings)
        shutil.rmtree(folder, ignore_errors=True)


def provision(endpoints: Endpoints) -> None:
    """Make every topic, and register every schema, the shop's too; return when all brokers know of all of it."""
    topics, admin = WorkerSettings().topics, AdminClient({"bootstrap.servers": endpoints.kafka})
    with closing(ConfluentRegistry(endpoints.registry)) as registry:
        apply_topics(admin, topics)
        register_schemas(registry, endpoints.registry, topics)
        EventWriter(registry)
    deadline = time.monotonic() + VISIBLE_S
    while missing := check_topics(admin, topics):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not as the catalogue says after {VISIBLE_S:.0f} s: {missing[:3]}")
        time.sleep(0.1)
