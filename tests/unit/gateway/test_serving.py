"""A gateway as a process runs it: it listens, fetches, and ends with SIGTERM."""

import asyncio
import os
import signal
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.config import config_of
from gateway.errors import Unfetchable
from gateway.fetching import LIMIT, HttpFetcher
from gateway.records import Encode
from gateway.serving import serve
from providers.feedback.mailgun_events import MailgunEvents
from schemas.records import Output
from schemas.topics import CHANGELOG_CURSORS, FEEDBACK
from tests.emulators.mailgun import DOMAIN, KEY
from tests.emulators.mailgun_events import MailgunEventsEmulator, event
from tests.emulators.webhooks import SENDERS, slack

TOLD = {
    "public_url": "https://notify.example",
    "port": 0,
    "inside_port": 0,
    "feedback": {"slack": {"options": {"signing_secret": "8f742231b10e8888abcd99yyyzzz85a5", "tolerance_s": 2_000_000_000}}},
}


class Log:
    def __init__(self) -> None:
        self.outputs: list[Output] = []

    async def send(self, outputs: Sequence[Output]) -> None:
        self.outputs += outputs


async def test_it_serves_until_it_is_told_to_end() -> None:
    log, ports = Log(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(config_of(TOLD, {}), log, lambda record: record.events[0].kind.encode(), 8, ports.set_result))
    outside, inside = await asyncio.wait_for(ports, 5)
    request = slack(SENDERS["slack"].told)
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{outside}/v1/feedback/slack"
        async with session.post(url, data=request.body, headers=dict(request.headers)) as response:
            assert response.status == 200
        async with session.get(f"http://127.0.0.1:{inside}/healthz") as response:
            assert response.status == 200
        async with session.get(f"http://127.0.0.1:{outside}/metrics") as response:
            assert response.status == 404
    assert [output.value for output in log.outputs] == [b"other:app_uninstalled"]
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, 5)


async def test_a_port_that_is_taken_is_said() -> None:
    ports = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(config_of(TOLD, {}), Log(), lambda record: b"", 8, ports.set_result))
    taken, _ = await asyncio.wait_for(ports, 5)
    with pytest.raises(OSError, match="address already in use"):
        await serve(config_of(TOLD | {"port": taken}, {}), Log(), lambda record: b"", 8)
    serving.cancel()
    await asyncio.wait({serving})


async def test_a_fetcher_takes_a_small_200_and_nothing_else() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/redirect":
            raise web.HTTPFound("/good")
        sizes = {"/good": 10, "/limit": LIMIT, "/large": LIMIT + 1}
        return web.Response(body=b"x" * sizes[request.path]) if request.path in sizes else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{any}", answer)
    server, fetcher = TestServer(app), HttpFetcher()
    await server.start_server()
    assert len(await fetcher.get(str(server.make_url("/good")))) == 10
    assert len(await fetcher.get(str(server.make_url("/limit")))) == LIMIT
    for path in ("/redirect", "/large", "/missing"):
        with pytest.raises(Unfetchable):
            await fetcher.get(str(server.make_url(path)))
    gone = str(server.make_url("/good"))
    await server.close()
    with pytest.raises(Unfetchable):
        await fetcher.get(gone)
    await fetcher.aclose()


async def test_it_fetches_beside_from_where_the_log_says_and_ends_with_what_ends_a_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator, log, ports = await MailgunEventsEmulator().start(), Log(), asyncio.get_running_loop().create_future()
    emulator.events = [event(number, 1_699_990_000 + number, f"email-normal-3-42-{number}-0") for number in range(2)]
    options = {"api_key": KEY, "domain": DOMAIN, "base_url": emulator.base_url}
    config = config_of(TOLD | {"polled": {"mailgun": {"options": options}}, "polling": {"page_s": 0, "every_s": 0.01}}, {})
    encode: Encode = lambda record: ",".join(one.ref for one in record.events).encode()  # noqa: E731
    serving = asyncio.create_task(serve(config, log, encode, 8, ports.set_result, {"mailgun": "1699990001"}))
    await asyncio.wait_for(ports, 5)
    async with asyncio.timeout(5):
        while emulator.requests < 3:
            await asyncio.sleep(0)
    assert [(output.topic, output.partition, output.key) for output in log.outputs] == [
        (FEEDBACK, 3, b"email-normal-3-42-1-0"),
        (CHANGELOG_CURSORS, 0, b"mailgun"),
    ]
    monkeypatch.setattr(MailgunEvents, "parse", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(serving, 5)
    await emulator.stop()
