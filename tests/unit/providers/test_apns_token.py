"""One token for all requests, as old as Apple wants it, and a new one at once where APNs or the key says so."""

import time
from collections.abc import AsyncIterator

import httpx
import jwt
import pytest

from providers.apns import Apns
from providers.apns_token import ProviderToken
from providers.base import Accepted, Message, Outcome, Unavailable, Unknown
from providers.errors import SignInError
from providers.secret import Secret
from providers.sender import Sender
from providers.transport import FastTransport
from tests.certificates import ca_file
from tests.emulators.apns import KEY_ID, TEAM, TOPIC, ApnsEmulator, p8, private_key
from tests.emulators.played import apns_token

NOW = 1_732_147_200_000
MINUTE_MS = 60_000


class Signing:
    """A token's auth with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now, self.key, self.key_id = NOW, p8("right"), KEY_ID
        self.auth = ProviderToken(Secret(lambda: self.key), Secret(lambda: self.key_id), TEAM, lambda: self.now)

    def tokens(self, *answers: httpx.Response) -> list[str]:
        """The tokens that a request is sent with, when it is answered so."""
        request, used = httpx.Request("POST", "https://apns.test"), []
        flow, left = self.auth.auth_flow(request), list(answers)
        sent = next(flow)
        while True:
            used.append(sent.headers["authorization"].removeprefix("bearer "))
            try:
                sent = flow.send(left.pop(0) if left else httpx.Response(200))
            except StopIteration:
                return used


@pytest.fixture
def signing() -> Signing:
    return Signing()


def test_the_token_is_that_of_the_documentation(signing: Signing) -> None:
    """https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns"""
    (token,) = signing.tokens()
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": KEY_ID}
    claims = jwt.decode(token, private_key("right").public_key(), ["ES256"], options={"verify_iat": False})
    assert claims == {"iss": TEAM, "iat": NOW // 1000}


def test_a_token_serves_40_minutes_which_is_between_20_and_60(signing: Signing) -> None:
    first = signing.tokens()
    signing.now += 40 * MINUTE_MS - 1
    assert signing.tokens() == first
    signing.now += 1
    (second,) = signing.tokens()
    assert second != first[0]
    assert signing.tokens() == [second]


STALE = httpx.Response(403, json={"reason": "ExpiredProviderToken"})


def test_a_stale_token_is_replaced_at_once_but_not_again_within_20_minutes(signing: Signing) -> None:
    signing.tokens()
    signing.now += MINUTE_MS
    assert len(set(signing.tokens(STALE))) == 2
    signing.now += MINUTE_MS
    assert len(signing.tokens(STALE)) == 1
    signing.now += 19 * MINUTE_MS
    assert len(set(signing.tokens(STALE))) == 2


def test_those_who_were_refused_the_same_token_share_the_new_one(signing: Signing) -> None:
    request = httpx.Request("POST", "https://apns.test")
    flows = [signing.auth.auth_flow(httpx.Request("POST", "https://apns.test")) for _ in range(5)]
    for flow in flows:
        next(flow)
    signing.now += 1_000
    again = {flow.send(STALE).headers["authorization"] for flow in flows}
    assert len(again) == 1
    next(signing.auth.auth_flow(request))
    assert again == {request.headers["authorization"]}


def test_another_refusal_replaces_nothing(signing: Signing) -> None:
    signing.now += MINUTE_MS
    assert len(signing.tokens(httpx.Response(403, json={"reason": "InvalidProviderToken"}))) == 1
    assert len(signing.tokens(httpx.Response(400, json={"reason": "ExpiredProviderToken"}))) == 1


def test_a_key_that_is_none_is_our_fault_and_in_no_text(signing: Signing) -> None:
    signing.key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
    with pytest.raises(SignInError) as caught:
        signing.tokens()
    assert caught.value.ours
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(signing.auth)


class World:
    """APNs in front of its emulator. `behind_ms`: of our clock."""

    def __init__(self, emulator: ApnsEmulator) -> None:
        self.emulator = emulator
        self.key, self.key_id, self.behind_ms = p8("right"), KEY_ID, 0
        self.apns = self.made()
        self.sender = Sender(FastTransport(), http2=FastTransport(http2=True, ca_file=ca_file()))

    def made(self, team: str = TEAM, timeout_ms: int = 5_000) -> Apns:
        return Apns(
            "push",
            Secret(lambda: self.key),
            Secret(lambda: self.key_id),
            team,
            TOPIC,
            base_url=self.emulator.base_url,
            timeout_ms=timeout_ms,
            connect_timeout_ms=500,
            clock=lambda: time.time_ns() // 1_000_000 - self.behind_ms,
        )

    async def send(self, count: int = 1) -> list[Outcome]:
        return await self.sender.send_all(self.apns, [message(number) for number in range(count)])

    @property
    def used(self) -> list[int]:
        """By connection: how many tokens came by it."""
        return [len(tokens) for tokens in self.emulator.tokens.values()]


def message(number: int) -> Message:
    return Message(message_id=f"m-{number}", notification_id="n", user_id="u", address=apns_token(number), platform="ios", body="Hi")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(await ApnsEmulator().start())
    yield world
    await world.sender.aclose()
    await world.emulator.stop()


def all_accepted(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_many_go_by_one_connection_with_one_token(world: World) -> None:
    assert all_accepted(await world.send())
    assert all_accepted(await world.send(150))
    assert world.used == [1]
    assert len(world.emulator.taken) == 151


async def test_a_token_that_apns_calls_stale_is_replaced_at_once(world: World) -> None:
    world.behind_ms = 50 * MINUTE_MS
    assert all_accepted(await world.send())
    world.behind_ms = 0
    world.emulator.stale = {token for tokens in world.emulator.tokens.values() for token in tokens}
    assert all_accepted(await world.send(20))
    assert world.used == [2]


async def test_a_clock_that_is_wrong_is_our_fault_and_ends_no_device(world: World) -> None:
    world.behind_ms = 120 * MINUTE_MS
    outcomes = await world.send(3)
    assert all(isinstance(outcome, Unavailable) and outcome.config for outcome in outcomes), outcomes
    assert world.emulator.taken == []


async def test_a_new_key_goes_by_a_new_connection(world: World) -> None:
    assert all_accepted(await world.send())
    world.key, world.key_id = p8("second"), "SECONDKEY1"
    world.emulator.keys["SECONDKEY1"] = private_key("second").public_key()
    assert all_accepted(await world.send(5))
    assert world.used == [1, 1]


async def test_a_server_that_went_away_is_found_again(world: World) -> None:
    assert all_accepted(await world.send())
    port = int(world.emulator.base_url.rpartition(":")[2])
    await world.emulator.stop()
    world.emulator = await ApnsEmulator().start(port)
    outcomes = await world.send(5)  # a request may have been written to the connection that was closed
    assert all(isinstance(outcome, Accepted | Unavailable | Unknown) for outcome in outcomes)
    assert all_accepted(await world.send(5))
