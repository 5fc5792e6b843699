"""Runs a gateway until SIGTERM or SIGINT; requests under way are finished first."""

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.app import Door
from gateway.config import Config
from gateway.fetching import HttpFetcher
from gateway.metrics import Metrics
from gateway.receiver import Log, Receiver
from gateway.records import Encode
from schemas.clock import now_ms

FINISH_S = 10.0
INSIDE_HOST = "127.0.0.1"
AS_IT_CAME: dict[str, Any] = {"auto_decompress": False, "keepalive_timeout": 30.0}
"""aiohttp's settings of a connection. What is signed are the bytes as they came, so nothing is unpacked."""

log = logging.getLogger(__name__)


Ready = Callable[[list[int]], None]


async def serve(config: Config, log_writer: Log, encode: Encode, partitions: int, ready: Ready = lambda _: None) -> None:
    """Serve until a signal comes. `partitions`: of `notify.feedback`. `ready` is told the ports when it listens. Raises OSError."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    fetcher, metrics, settings = HttpFetcher(), Metrics(), config.settings
    receiver = Receiver(config.parsers, log_writer, encode, fetcher, now_ms, partitions=partitions, metrics=metrics)
    door = Door(receiver, settings.limits, metrics, settings.public_url)
    places = [(door.app(), settings.host, settings.port)]
    places += [] if settings.inside_port is None else [(door.inside(), INSIDE_HOST, settings.inside_port)]
    runners = [web.AppRunner(app, access_log=None, shutdown_timeout=FINISH_S, **AS_IT_CAME) for app, _, _ in places]
    try:
        for runner, (_, host, port) in zip(runners, places, strict=True):
            await runner.setup()
            await web.TCPSite(runner, host, port, backlog=1024).start()
        ports = [runner.addresses[0][1] for runner in runners]
        log.info("listening on %s:%d for %s", settings.host, ports[0], ", ".join(sorted(config.parsers)))
        ready(ports)
        await stopped.wait()
    finally:
        for runner in runners:
            await runner.cleanup()
        await fetcher.aclose()
