"""What the contract suites share: a sandbox server, and a sender over each transport."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from providers.base import Message
from providers.sandbox_server.process import SandboxProcess, running
from providers.sender import Sender
from providers.transport import FastTransport

TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "pyreqwest": FastTransport,
    "httpx": httpx.AsyncHTTPTransport,
}


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    with running() as server:
        yield server


@pytest.fixture
def control(sandbox: SandboxProcess) -> Iterator[httpx.Client]:
    """A client of the sandbox's own API; arrivals and settings are forgotten before and after."""
    with httpx.Client(base_url=sandbox.base_url, timeout=5) as client:
        client.delete("/v1/state").raise_for_status()
        yield client
        client.delete("/v1/state").raise_for_status()


@pytest.fixture(params=list(TRANSPORTS))
async def sender(request: pytest.FixtureRequest) -> AsyncIterator[Sender]:
    sender = Sender(TRANSPORTS[request.param]())
    yield sender
    await sender.aclose()


@pytest.fixture
def messages() -> Callable[..., list[Message]]:
    def make(count: int, start: int = 0, notification_id: str = "n-1") -> list[Message]:
        return [
            Message(
                message_id=f"m-{i}",
                notification_id=notification_id,
                user_id=f"u-{i}",
                address=f"a-{i}@example.com",
                subject="Sale",
                title="Sale",
                body="Everything must go – now",
                html="<p>Everything</p>",
                data={"name": "Ann"} if i % 2 else {},
            )
            for i in range(start, start + count)
        ]

    return make
