"""How a process runs projections: `run(["cassandra"], endpoints)` is all that `carillon project cassandra` does."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import partial
from types import FrameType

from prometheus_client import start_http_server

from projections.base import Projection
from projections.connection import Connection
from projections.deadletters import DeadLetters
from projections.intake import Intake
from projections.log import ends, open_consumer
from projections.metrics import Pulse
from projections.retry import retried
from projections.runner import Runner
from projections.settings import Addresses, Settings
from projections.sinks import NAMES, opened
from schemas.codec import Codec
from schemas.errors import RegistryUnavailable
from schemas.provision import subjects
from schemas.registry import ConfluentRegistry, Registry
from schemas.topics import catalogue

_logger = logging.getLogger(__name__)


def run(
    names: Sequence[str],
    addresses: Addresses,
    settings: Settings | None = None,
    *,
    until_end: bool = False,
    stop: threading.Event | None = None,
    ready: Callable[[], None] | None = None,
    pulse: Pulse | None = None,
) -> dict[str, int]:
    """Run the named projections, each in a thread, until SIGTERM or SIGINT (or `stop`); returns how many records each wrote.

    `until_end`: until all that is on the topics now is written. When one fails the others are stopped and its error is raised: nothing
    that was not written is committed, and the process should exit non-zero. `ready` is called once, when all are migrated and reading;
    `pulse` is told of each turn of their loops.
    Raises ValueError on an unknown name.
    """
    unknown = set(names) - set(NAMES)
    if unknown or not names:
        raise ValueError(f"no projection {', '.join(sorted(unknown)) or 'named'}: choose from {', '.join(NAMES)}")
    settings, stop = settings or Settings(), stop or threading.Event()
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port)
    waiting = _Countdown(len(names), ready or (lambda: None))
    one = partial(
        run_one, addresses=addresses, settings=settings, until_end=until_end, stop=stop, ready=waiting.one, pulse=pulse or Pulse()
    )
    with _signals(stop):
        return _together({name: partial(one, name) for name in names}, stop)


def run_one(
    name: str, addresses: Addresses, settings: Settings, until_end: bool, stop: threading.Event, ready: Callable[[], None], pulse: Pulse
) -> int:
    """One projection in this thread; returns the number of records."""
    until = ends(addresses.kafka, list(settings.inputs)) if until_end else None
    with opened(name, addresses, settings, stop.wait) as projection, closing(ConfluentRegistry(addresses.registry)) as registry:
        runner = runner_of(projection, registry, addresses, settings, stop, pulse)
        _logger.info("projection %s reads %s", name, ", ".join(settings.inputs))
        ready()
        return runner.run(until)


def runner_of(
    projection: Projection, registry: Registry, addresses: Addresses, settings: Settings, stop: threading.Event, pulse: Pulse
) -> Runner:
    """A runner with everything it needs. Raises RegistryUnavailable, NotRegistered when the registry has no schema for dead letters."""
    codec = Codec(registry, subjects(catalogue()))
    retried(codec.warm, RegistryUnavailable, settings.registry_backoff, stop.wait)
    letters = DeadLetters(addresses.kafka, settings.dlq, codec, f"projections.{projection.name}")
    intake = Intake(codec, settings.inputs, letters, settings.registry_backoff, stop.wait)
    connection = Connection(partial(open_consumer, addresses.kafka, settings.group(projection.name), list(settings.inputs)))
    return Runner(projection, connection, intake, letters, settings.batch.of(projection.name), pulse.turning(projection.name, stop.is_set))


class _Countdown:
    """Calls `last` when it was called `count` times."""

    def __init__(self, count: int, last: Callable[[], None]) -> None:
        self._left, self._last, self._lock = count, last, threading.Lock()

    def one(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._last()


def _together(jobs: dict[str, Callable[[], int]], stop: threading.Event) -> dict[str, int]:
    if len(jobs) == 1:
        return {name: job() for name, job in jobs.items()}
    with ThreadPoolExecutor(len(jobs), "projection") as pool:
        futures = {name: pool.submit(job) for name, job in jobs.items()}
        done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
        if any(future.exception() for future in done):
            stop.set()
    return {name: future.result() for name, future in futures.items()}


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT let the batch under way end. Outside the main thread the caller's `stop` does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(number: int, _: FrameType | None) -> None:
        _logger.info("%s: finishing the batch under way", signal.Signals(number).name)
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
