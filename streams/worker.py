"""One worker process: one role, until it is told to stop. Anything unexpected ends it at once, and the supervisor starts it again."""

import asyncio
import gc
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import faust
import uvloop

from schemas.clients import producer_config
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.provision import subjects
from schemas.registry import ConfluentRegistry
from streams.app import make_app, member_id
from streams.assigned import Assigned
from streams.delivery.cancels import Cancels
from streams.give_way import give_way, give_way_at_work
from streams.health.broker import Broker
from streams.health.worker import WorkerHealth
from streams.lanes import Lanes
from streams.leaving import Worker
from streams.policy.in_force import PolicyInForce
from streams.policy.loader import SHIPPED, load_policy
from streams.policy.policy import InForce
from streams.profiles.replica import ProfileReplica
from streams.roles import ROLES, Parts, Role
from streams.settings import WorkerSettings
from streams.step.lasting import LastingStore
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.reader import LogReader
from streams.step.store import Store

logger = logging.getLogger("carillon.worker")

EXIT_UNEXPECTED = 70
SWITCH_S = 0.001
"""Kafka's threads hold up every record that waits for them to get the interpreter: 1 ms instead of 5."""
FORGET_S = 48 * 3600
GC_ALLOCATIONS = 50_000


def run_worker(role: str, kafka: str, registry: str, home: Path, settings: WorkerSettings) -> NoReturn:
    """Run `role` until SIGTERM or SIGINT, or for good until `LEAVE` (exit code 0). Exits with 70 on anything unexpected, and when it is
    stuck (`streams.health`).

    `kafka`: bootstrap servers; `registry`: Confluent-compatible base URL; `home`: folder for local state.
    """
    if settings.give_way:
        give_way(ROLES[role].manners)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    health = WorkerHealth(role, settings, home / "run" / f"{role}-{settings.worker}.health")
    app, lanes = _wire(ROLES[role], role, kafka, registry, home, settings, health)
    topics = list(lanes.topics)
    health.watch(loop, Broker(kafka, f"carillon.{role}", member_id(role, topics, settings.worker), topics), lanes.held, die, lanes.figures)
    calm_collector()
    sys.setswitchinterval(SWITCH_S)
    worker = Worker(app, loglevel="INFO", quiet=True, redirect_stdouts=False, loop=loop)
    worker.execute_from_commandline()
    raise SystemExit(0)


def calm_collector() -> None:
    """Records come and go by the hundred thousand and hold no cycles: look rarely, and never again at what start-up made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 20)
    gc.enable()


def die(reason: str) -> NoReturn:
    """End the process without another word to Kafka: what is not committed comes again."""
    logger.critical("ending the process: %s", reason)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(EXIT_UNEXPECTED)


def _wire(
    role: Role, name: str, kafka: str, registry: str, home: Path, settings: WorkerSettings, health: WorkerHealth
) -> tuple[faust.App, Lanes]:
    state = home / "state" / f"{name}-{settings.worker}"
    codec = Codec(ConfluentRegistry(registry), subjects(settings.topics))
    codec.warm()
    lease = Lease(settings.session_timeout)
    log = LogWriter(producer_config(kafka, lease.stall_s))
    ready = _ready_file(home, name, settings)
    ready.unlink(missing_ok=True)
    replica = _replica(role, name, kafka, state, codec, log)
    cancels = Cancels(kafka, die, step=name) if role.cancels else None
    assigned = Assigned()
    steps = role.make(Parts(codec, now_ms, settings, replica, cancels, kafka, _policy(role, name, kafka, settings, codec), assigned))
    app = make_app(name, steps, kafka, home, settings, lease, die)
    lanes = Lanes(
        app,
        steps,
        store=LastingStore(state / "tables", FORGET_S if role.forgets else None, role.lasting, role.ordered),
        log=log,
        reader=LogReader(kafka, f"carillon.{name}"),
        codec=codec,
        die=die,
        lease=lease,
        on_assigned=_followed_by([each for each in (assigned, replica, cancels) if each is not None]),
        on_ready=lambda: _begin_work(role, settings, ready, health),
    )
    return app, lanes


def _ready_file(home: Path, name: str, settings: WorkerSettings) -> Path:
    return home / "run" / f"{name}-{settings.worker}.ready"


def _begin_work(role: Role, settings: WorkerSettings, path: Path, health: WorkerHealth) -> None:
    """Every partition has recovered. Whoever started this process may wait for the file."""
    health.ready()
    if settings.give_way:
        give_way_at_work(role.manners)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": os.getpid(), "at": now_ms()}))
    logger.info("ready")


def _followed_by(copies: Sequence[Assigned | ProfileReplica | Cancels]) -> Callable[[set[int]], None]:
    def follow(partitions: set[int]) -> None:
        for copy in copies:
            copy.follow(partitions)

    return follow


def _replica(role: Role, name: str, kafka: str, state: Path, codec: Codec, log: LogWriter) -> ProfileReplica | None:
    if role.replica is None:
        return None
    return ProfileReplica(Store(state / "profiles"), kafka, codec, log, die, step=name, kept=role.replica)


def _policy(role: Role, name: str, kafka: str, settings: WorkerSettings, codec: Codec) -> InForce | None:
    """Blocks until it is known what was published. Raises PolicyInvalid, or TimeoutError."""
    if not role.policy:
        return None
    in_force = PolicyInForce(kafka, f"carillon.{name}.policy", codec, load_policy(settings.policy_file or SHIPPED), die)
    in_force.follow()
    return in_force
