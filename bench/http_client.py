"""python -m bench.http_client: requests a second to a loopback provider, by HTTP client, 100 in flight.

The far end is the sandbox server in a process of its own; each client sends the same message over and over.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import httpx
import uvloop
from msgspec import Struct
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport
from rich.console import Console
from rich.table import Table

from providers.base import Accepted, Message
from providers.sandbox import SandboxSingle
from providers.sandbox_server.process import running
from providers.sender import Sender
from providers.transport import FastTransport

Call = Callable[[], Awaitable[bool]]
Client = Callable[[SandboxSingle, int], AbstractAsyncContextManager[Call]]

MESSAGE = Message(
    message_id="m-1",
    notification_id="n-1",
    user_id="u-1",
    address="token-1",
    title="Order 1 placed",
    body="Thank you, Ann. Your order of 12.00 EUR is being prepared.",
    data={"order_id": "1", "name": "Ann", "total": "12.00 EUR"},
)


class Figures(Struct, frozen=True):
    """What one client did."""

    name: str
    per_s: float
    cpu_us: float  # of this process, a request
    failed: int


def through(transport: Callable[[], httpx.AsyncBaseTransport]) -> Client:
    """Return a client that sends as Carillon does: build, call, parse, with slots and time-outs."""

    @asynccontextmanager
    async def client(provider: SandboxSingle, in_flight: int) -> AsyncIterator[Call]:
        sender = Sender(transport())

        async def call() -> bool:
            return type((await sender.send(provider, [MESSAGE]))[0]) is Accepted

        yield call
        await sender.aclose()

    return client


@asynccontextmanager
async def bare_transport(provider: SandboxSingle, in_flight: int) -> AsyncIterator[Call]:
    """pyreqwest's own httpx transport, called directly."""
    async with HttpxTransport() as transport:

        async def call() -> bool:
            response: httpx.Response = await transport.handle_async_request(provider.build([MESSAGE]))
            await response.aread()
            return response.status_code == 200

        yield call


@asynccontextmanager
async def bare_pyreqwest(provider: SandboxSingle, in_flight: int) -> AsyncIterator[Call]:
    """pyreqwest alone."""
    request = provider.build([MESSAGE])
    url, headers, body = str(request.url), {"content-type": "application/json"}, request.content
    async with ClientBuilder().build() as client:

        async def call() -> bool:
            response = await client.post(url).headers(headers).body_bytes(body).build().send()
            await response.bytes()
            return bool(response.status == 200)

        yield call


@asynccontextmanager
async def bare_httpx(provider: SandboxSingle, in_flight: int) -> AsyncIterator[Call]:
    """httpx.AsyncClient as it comes."""
    async with httpx.AsyncClient(timeout=30) as client:

        async def call() -> bool:
            return (await client.send(provider.build([MESSAGE]))).status_code == 200

        yield call


@asynccontextmanager
async def bare_aiohttp(provider: SandboxSingle, in_flight: int) -> AsyncIterator[Call]:
    """aiohttp alone."""
    request = provider.build([MESSAGE])
    url, headers, body = str(request.url), {"content-type": "application/json"}, request.content
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def call() -> bool:
            async with session.post(url, data=body, headers=headers) as response:
                await response.read()
                return response.status == 200

        yield call


CLIENTS: dict[str, Client] = {
    "Sender over FastTransport (pyreqwest)": through(FastTransport),
    "Sender over httpx.AsyncHTTPTransport": through(httpx.AsyncHTTPTransport),
    "pyreqwest's HttpxTransport, called directly": bare_transport,
    "pyreqwest": bare_pyreqwest,
    "aiohttp": bare_aiohttp,
    "httpx.AsyncClient": bare_httpx,
}


async def measure(name: str, provider: SandboxSingle, in_flight: int, seconds: float) -> Figures:
    """Return one client's figures, after a warm-up of a tenth of the time."""
    async with CLIENTS[name](provider, in_flight) as call:
        await _run(call, in_flight, seconds / 10)
        wall, cpu = time.perf_counter(), time.process_time()
        done, failed = await _run(call, in_flight, seconds)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Figures(name, done / wall, cpu * 1e6 / max(1, done), failed)


async def _run(call: Call, in_flight: int, seconds: float) -> tuple[int, int]:
    done = failed = 0
    until = time.perf_counter() + seconds

    async def work() -> None:
        nonlocal done, failed
        while time.perf_counter() < until:
            failed += not await call()
            done += 1

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return done, failed


async def compare(base_url: str, in_flight: int, seconds: float) -> list[Figures]:
    """Return the figures of every client, one after the other."""
    provider = SandboxSingle("push", base_url, concurrency=in_flight, timeout_ms=30_000)
    return [await measure(name, provider, in_flight, seconds) for name in CLIENTS]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.http_client", description=__doc__)
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each client")
    args = parser.parse_args()
    with running() as server:
        figures = uvloop.run(compare(server.base_url, args.in_flight, args.seconds))
    table = Table("client", "requests/s", "CPU us/request", "failed", title=f"one process, {args.in_flight} in flight")
    for row in figures:
        table.add_row(row.name, f"{row.per_s:,.0f}", f"{row.cpu_us:.0f}", str(row.failed))
    Console().print(table)


if __name__ == "__main__":
    main()
