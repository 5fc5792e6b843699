"""python -m providers.sandbox_server --port 0 --port-file F: serve until SIGTERM or SIGINT; SIGUSR1 shuts the port, SIGUSR2 opens it."""

import argparse
import asyncio
import gc
import os
import signal
from contextlib import suppress
from pathlib import Path

import uvloop
from aiohttp import web

from providers.sandbox_server.app import Sandbox


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m providers.sandbox_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--port-file", type=Path, help="the port is written here once the server listens")
    parser.add_argument("--parent", type=int, help="end when this process is no longer the parent")
    return parser.parse_args()


CUT_S = 0.01
"""Until an open connection is cut; aiohttp takes 0 for ever."""


class Door:
    """The port: shut, a connection to it is refused, and those that were open are cut."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner, self._host, self.port = runner, host, port
        self._site: web.TCPSite | None = None
        self._turning = asyncio.Lock()

    async def open(self) -> None:
        """Listen; on the same port as before."""
        async with self._turning:
            if self._site is None:
                self._site = web.TCPSite(self._runner, self._host, self.port, backlog=4096)
                await self._site.start()
                self.port = self._runner.addresses[0][1]

    async def shut(self) -> None:
        """Listen no more."""
        async with self._turning:
            if self._site is not None:
                await self._site.stop()
                self._site = None
                if self._runner.server is not None:
                    await self._runner.server.shutdown(CUT_S)


async def _serve(host: str, port: int, port_file: Path | None, parent: int | None) -> None:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(Sandbox().app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    door, turns = Door(runner, host, port), set[asyncio.Task[None]]()
    await door.open()
    loop.add_signal_handler(signal.SIGUSR1, lambda: turns.add(loop.create_task(door.shut())))
    loop.add_signal_handler(signal.SIGUSR2, lambda: turns.add(loop.create_task(door.open())))
    if port_file is not None:
        _write(port_file, str(door.port))
    while not stopped.is_set() and parent in (None, os.getppid()):
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), 1.0)
    await runner.cleanup()


def _write(path: Path, text: str) -> None:
    """Write a file that is never seen half written."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def main() -> None:
    """Run the server."""
    args = _arguments()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)  # the ledger is large and has no cycles
    uvloop.run(_serve(args.host, args.port, args.port_file, args.parent))


if __name__ == "__main__":
    main()
