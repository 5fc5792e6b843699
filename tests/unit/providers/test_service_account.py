"""One token for all requests, asked for by one at a time, until shortly before it ends."""

import asyncio
import json
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import jwt
import pytest

from providers.base import Accepted, Message, Outcome, Throttled, Unavailable
from providers.fcm import SCOPE, Fcm
from providers.secret import Secret
from providers.sender import Sender
from tests.emulators.fcm import ACCOUNT, TOKEN_URI, key_file, private_key

NOW = 1_732_147_200_000
HOUR_MS = 3_600_000
SENT = {"name": "projects/p/messages/1"}


class Google(httpx.AsyncBaseTransport):
    """Grants tokens t-1, t-2, ... and takes messages that have one that is not revoked."""

    def __init__(self) -> None:
        self.granted: list[httpx.Request] = []
        self.messages: list[str] = []
        self.revoked: set[str] = set()
        self.grants: Callable[[], httpx.Response] = self._token
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKEN_URI:
            self.granted.append(request)
            await self.gate.wait()
            return self.grants()
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.messages.append(token)
        return (
            httpx.Response(401, json={"error": {"status": "UNAUTHENTICATED"}}) if token in self.revoked else httpx.Response(200, json=SENT)
        )

    def _token(self) -> httpx.Response:
        return httpx.Response(200, json={"access_token": f"t-{len(self.granted)}", "expires_in": 3600, "token_type": "Bearer"})


class World:
    """FCM in front of Google, with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now, self.key = NOW, key_file("right")
        self.google = Google()
        self.fcm = Fcm("push", Secret(lambda: self.key), "p", clock=lambda: self.now)
        self.sender = Sender(self.google)

    async def send(self, count: int = 1) -> list[Outcome]:
        return await self.sender.send_all(self.fcm, [message(number) for number in range(count)])


def message(number: int) -> Message:
    return Message(message_id=f"m-{number}", notification_id="n", user_id="u", address="a", platform="android")


@pytest.fixture
def world() -> World:
    return World()


async def test_the_grant_is_that_of_the_documentation(world: World) -> None:
    """https://developers.google.com/identity/protocols/oauth2/service-account#httprest"""
    await world.send()
    (request,) = world.google.granted
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    form = parse_qs(request.content.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    (assertion,) = form["assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": "id-of-right"}
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(assertion, private_key("right").public_key(), ["RS256"], audience=TOKEN_URI, options=options)
    assert claims == {"iss": ACCOUNT, "scope": SCOPE, "aud": TOKEN_URI, "iat": NOW // 1000, "exp": NOW // 1000 + 3600}


async def test_one_token_serves_until_shortly_before_it_ends(world: World) -> None:
    await world.send(3)
    world.now += HOUR_MS - 300_001
    await world.send(3)
    assert world.google.messages == ["t-1"] * 6
    world.now += 1
    await world.send(3)
    assert world.google.messages[6:] == ["t-2"] * 3


async def test_many_that_need_one_ask_once(world: World) -> None:
    world.google.gate.clear()
    sending = asyncio.create_task(world.send(50))
    async with asyncio.timeout(5):
        while not world.google.granted:
            await asyncio.sleep(0)
    world.google.gate.set()
    assert await sending == [Accepted("1")] * 50
    assert world.google.messages == ["t-1"] * 50


async def test_a_key_that_is_replaced_is_used_for_the_next(world: World) -> None:
    await world.send()
    world.key = json.dumps(json.loads(world.key) | {"private_key_id": "another"})
    await world.send()
    assert world.google.messages == ["t-1", "t-2"]


async def test_a_token_that_is_refused_is_replaced_once(world: World) -> None:
    await world.send()
    world.google.revoked = {"t-1"}
    assert await world.send() == [Accepted("1")]
    world.google.revoked = {"t-1", "t-2", "t-3"}
    (outcome,) = await world.send()
    assert isinstance(outcome, Unavailable)
    assert outcome.config
    assert world.google.messages == ["t-1", "t-1", "t-2", "t-2", "t-3"]


REFUSALS = [
    (httpx.Response(400, json={"error": "invalid_grant", "error_description": "Invalid JWT Signature."}), Unavailable, True),
    (httpx.Response(401, json={"error": "invalid_client"}), Unavailable, True),
    (httpx.Response(429), Throttled, False),
    (httpx.Response(500), Unavailable, False),
    (httpx.Response(200, json={"id_token": "t"}), Unavailable, False),
    (httpx.Response(200, text="<html>"), Unavailable, False),
]


@pytest.mark.parametrize(("answer", "kind", "config"), REFUSALS)
async def test_without_a_token_nothing_is_sent_and_those_who_wait_share_the_refusal(
    answer: httpx.Response, kind: type[Outcome], config: bool, world: World
) -> None:
    world.google.grants = lambda: answer
    world.google.gate.clear()
    sending = asyncio.create_task(world.send(20))
    async with asyncio.timeout(5):
        while not world.google.granted:
            await asyncio.sleep(0)
    world.google.gate.set()
    outcomes = await sending
    assert type(outcomes[0]) is kind
    assert {getattr(outcome, "config", False) for outcome in outcomes} == {config}
    assert {type(outcome) for outcome in outcomes} <= {kind, Unavailable}
    assert world.google.messages == []
    assert len(world.google.granted) == 1


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", '{"client_email": "a", "private_key": "b", "token_uri": "https://x"}'])
async def test_a_key_that_is_none_is_our_fault_and_in_no_text(broken: str, world: World) -> None:
    world.key = broken
    (outcome,) = await world.send()
    assert isinstance(outcome, Unavailable)
    assert outcome.config
    assert world.google.granted == []
    assert "client_email" not in repr(outcome)
    world.key = key_file("right")
    assert await world.send() == [Accepted("1")]


async def test_who_gives_up_while_asking_leaves_the_turn_to_others(world: World) -> None:
    world.google.gate.clear()
    first = asyncio.create_task(world.send())
    async with asyncio.timeout(5):
        while not world.google.granted:
            await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    world.google.gate.set()
    assert await world.send() == [Accepted("1")]
    assert world.google.messages == ["t-2"]
