"""Runs a gateway until SIGTERM or SIGINT; requests under way are finished first."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from gateway.app import Door
from gateway.config import Config
from gateway.fetching import HttpFetcher
from gateway.metrics import Metrics
from gateway.pages import HttpPages
from gateway.poller import Poller
from gateway.receiver import Log, Receiver
from gateway.records import Encode
from schemas.clock import now_ms

FINISH_S = 10.0
INSIDE_HOST = "127.0.0.1"
AS_IT_CAME: dict[str, Any] = {"auto_decompress": False, "keepalive_timeout": 30.0}
"""aiohttp's settings of a connection. What is signed are the bytes as they came, so nothing is unpacked."""

log = logging.getLogger(__name__)


Ready = Callable[[list[int]], None]


async def serve(
    config: Config,
    log_writer: Log,
    encode: Encode,
    partitions: int,
    ready: Ready = lambda _: None,
    cursors: Mapping[str, str] | None = None,
) -> None:
    """Serve, and fetch, until a signal comes. `partitions`: of `notify.feedback`. `ready` is told the ports when it listens.
    `cursors`: where feeds stand, by name. Raises OSError.
    """
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    fetcher, metrics, settings = HttpFetcher(), Metrics(), config.settings
    receiver = Receiver(config.parsers, log_writer, encode, fetcher, now_ms, partitions=partitions, metrics=metrics)
    door = Door(receiver, settings.limits, metrics, settings.public_url)
    polling = config.settings.polling
    pages = HttpPages(timeout_s=polling.timeout_s, limit=polling.page_bytes)
    places = [(door.app(), settings.host, settings.port)]
    places += [] if settings.inside_port is None else [(door.inside(), INSIDE_HOST, settings.inside_port)]
    runners = [web.AppRunner(app, access_log=None, shutdown_timeout=FINISH_S, **AS_IT_CAME) for app, _, _ in places]
    fetching: list[asyncio.Task[None]] = []
    try:
        for runner, (_, host, port) in zip(runners, places, strict=True):
            await runner.setup()
            await web.TCPSite(runner, host, port, backlog=1024).start()
        ports = [runner.addresses[0][1] for runner in runners]
        log.info("listening on %s:%d for %s", settings.host, ports[0], ", ".join(sorted(config.parsers)))
        ready(ports)
        pollers = [
            Poller(
                feed, log_writer, encode, pages, now_ms, polling,
                cursor=(cursors or {}).get(name), partitions=partitions, metrics=metrics, pause=asyncio.sleep,
            )
            for name, feed in config.feeds.items()
        ]  # fmt: skip
        fetching = [asyncio.create_task(poller.run()) for poller in pollers]
        await _until(stopped, fetching)
    finally:
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)
        await pages.aclose()
        for runner in runners:
            await runner.cleanup()
        await fetcher.aclose()


async def _until(stopped: asyncio.Event, fetching: list[asyncio.Task[None]]) -> None:
    """Return when it is to stop. Raises what ended a poller: nothing should, and the gateway would go on deaf."""
    waiting = asyncio.create_task(stopped.wait())
    done, _ = await asyncio.wait([waiting, *fetching], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done - {waiting}:
        task.result()
