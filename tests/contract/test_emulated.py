"""Every provider whose API an emulator plays: it is signed in, what it carries arrives, and each documented refusal is what it is."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from providers.base import Accepted, Message, Rejected, Unavailable, Unknown, Unsupported
from providers.features import FEATURES
from providers.registry import KINDS
from providers.secret import Secret
from providers.sender import Sender
from providers.transport import FastTransport
from tests.certificates import ca_file
from tests.emulators.played import PLAYED, Played, whole, with_one
from tests.emulators.server import DEAF, Emulator

NOT_PLAYED = {"inbox", "sandbox_batch", "sandbox_single"}
"""The first has no API, the others have a server of their own (test_providers.py)."""
NOW = 1_732_147_200_000

pytestmark = pytest.mark.parametrize("kind", PLAYED)


class Stage:
    """An emulator that listens, the provider in front of it, and messages for it."""

    def __init__(self, played: Played, emulator: Emulator, sender: Sender) -> None:
        self.played, self.emulator, self.sender = played, emulator, sender
        self.key = [played.key]
        self.provider = played.make(emulator, Secret(lambda: self.key[0]))
        self.declaration = self.provider.declaration

    def messages(self, count: int) -> list[Message]:
        return [self.message(number, self.played.address(number)) for number in range(count)]

    def at(self, address: str) -> str:
        """The address as a user has it."""
        return self.emulator.base_url + address if self.played.relative else self.emulator.located(address)

    @property
    def secret_of_the_address(self) -> str:
        """Who knows a URL may call it: what identifies it is as secret as a key."""
        return self.played.address(0).partition("?")[2] if self.played.relative else ""

    def message(self, number: int, address: str) -> Message:
        plain = Message(
            message_id=f"7c1f4f1e-0000-5000-8000-{number:012d}.0.0",
            notification_id="n-1",
            user_id=f"u-{number}",
            address=self.at(address),
            platform=self.played.platform,
            ref=f"email-normal-3-42-{number}-0",
            category="transactional",
            sent_at=NOW,
            expires_at=NOW + 3_600_000,
            body="It is on its way – it’ll be there at noon.",
        )
        needed = {"subject", "title"} & self.declaration.carries
        return whole(plain, frozenset(needed))


@pytest.fixture
async def stage(kind: str) -> AsyncIterator[Stage]:
    emulator = await PLAYED[kind].emulator().start()
    sender = Sender(FastTransport(ca_file=ca_file()), http2=FastTransport(http2=True, ca_file=ca_file()))
    yield Stage(PLAYED[kind], emulator, sender)
    await sender.aclose()
    await emulator.stop()


def test_every_kind_is_played(kind: str) -> None:
    assert KINDS.keys() - NOT_PLAYED == PLAYED.keys()


async def test_each_is_taken_once_and_answered_in_order(stage: Stage) -> None:
    sent = stage.messages(23)
    outcomes = await stage.sender.send_all(stage.provider, sent)
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 23, outcomes
    assert sorted(stage.emulator.taken) == sorted(message.address for message in sent)
    assert stage.emulator.complaints == []


async def test_all_it_carries_arrives(stage: Stage) -> None:
    rich = whole(stage.messages(1)[0], stage.declaration.carries)
    (outcome,) = await stage.sender.send_all(stage.provider, [rich])
    assert isinstance(outcome, Accepted), outcome
    assert stage.emulator.complaints == []
    assert stage.emulator.missing(rich) == []


async def test_what_it_can_not_carry_is_said_and_it_is_not_asked(stage: Stage) -> None:
    plain = stage.messages(1)[0]
    for feature in sorted(FEATURES - stage.declaration.carries):
        (outcome,) = await stage.sender.send_all(stage.provider, [with_one(plain, feature)])
        assert outcome == Unsupported(f"{stage.declaration.name} can't carry {feature}")
    assert stage.emulator.taken == []
    assert stage.emulator.requests == 0


async def test_one_that_can_not_be_carried_does_not_touch_its_neighbours(stage: Stage) -> None:
    first, second, third = stage.messages(3)
    strange = with_one(second, min(FEATURES - stage.declaration.carries))
    outcomes = await stage.sender.send_all(stage.provider, [first, strange, third])
    assert [type(outcome) for outcome in outcomes] == [Accepted, Unsupported, Accepted]


async def test_a_wrong_key_is_our_fault_and_nothing_was_sent(stage: Stage) -> None:
    if not stage.played.key:
        pytest.skip("it has no key")
    stage.key[0] = stage.played.wrong
    outcomes = await stage.sender.send_all(stage.provider, stage.messages(2))
    assert all(map(stage.played.wrong_means, outcomes)), outcomes
    assert stage.emulator.taken == []


async def test_a_key_that_is_replaced_is_used_at_once(stage: Stage) -> None:
    if not stage.played.key:
        pytest.skip("it has no key")
    stage.key[0] = stage.played.wrong
    assert all(map(stage.played.wrong_means, await stage.sender.send_all(stage.provider, stage.messages(1))))
    stage.key[0] = stage.played.key
    (outcome,) = await stage.sender.send_all(stage.provider, stage.messages(1))
    assert isinstance(outcome, Accepted), outcome


async def test_each_documented_refusal_is_what_it_is(stage: Stage) -> None:
    sent = stage.messages(2)
    for name, refusal in stage.emulator.refusals.items():
        stage.emulator.next = name
        for outcome in await stage.sender.send_all(stage.provider, sent):
            assert refusal.means(outcome), (name, outcome)
    assert stage.emulator.taken == []


async def test_a_dead_address_does_not_touch_its_neighbours(stage: Stage) -> None:
    if not stage.played.dead:
        pytest.skip("it says so of no address")
    first, last = stage.messages(2)
    dead = stage.message(9, stage.played.dead)
    outcomes = await stage.sender.send_all(stage.provider, [first, dead, last])
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].address_dead
    again = [message for message, outcome in zip([first, last], outcomes[::2], strict=True) if not isinstance(outcome, Accepted)]
    assert all(isinstance(outcome, Accepted | Unavailable) for outcome in outcomes[::2]), outcomes
    assert all(isinstance(outcome, Accepted) for outcome in await stage.sender.send_all(stage.provider, again))
    assert sorted(stage.emulator.taken) == sorted([first.address, last.address])


@pytest.mark.parametrize("malformed", ["", "nonsense", "https://", "{", "ü\n\x00", "a" * 100_000], ids=range(6))
async def test_an_address_that_can_be_none_does_not_touch_its_neighbours(stage: Stage, malformed: str) -> None:
    first, second, last = stage.messages(3)
    outcomes = await stage.sender.send_all(stage.provider, [first, replace(second, address=malformed), last])
    assert isinstance(outcomes[1], Rejected | Unsupported), outcomes
    assert "unbuildable" not in repr(outcomes[1])
    assert all(isinstance(outcome, Accepted | Unavailable) for outcome in outcomes[::2]), outcomes


async def test_an_address_that_two_users_share_is_told_twice(stage: Stage) -> None:
    first, second = stage.messages(2)
    shared = replace(second, address=first.address)
    outcomes = await stage.sender.send_all(stage.provider, [first, shared])
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted], outcomes
    assert stage.emulator.taken == [first.address] * 2


async def test_no_answer_leaves_it_open(stage: Stage, kind: str) -> None:
    slow = PLAYED[kind].make(stage.emulator, Secret(stage.played.key), timeout_ms=1_000, connect_timeout_ms=500)
    await stage.sender.send_all(slow, stage.messages(1))  # connected, and signed in
    stage.emulator.next = DEAF
    (outcome,) = await stage.sender.send_all(slow, stage.messages(1))
    assert isinstance(outcome, Unknown), outcome


async def test_a_provider_that_is_gone_was_sent_nothing(stage: Stage) -> None:
    await stage.emulator.stop()
    outcomes = await stage.sender.send_all(stage.provider, stage.messages(2))
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 2, outcomes


async def test_its_key_is_in_no_text(stage: Stage) -> None:
    said = [repr(stage.provider), repr(vars(stage.provider)), repr(stage.declaration)]
    for name in ["", *stage.emulator.refusals]:
        stage.emulator.next = name
        said += map(repr, await stage.sender.send_all(stage.provider, stage.messages(1)))
    secrets = [secret for secret in (stage.played.key, stage.secret_of_the_address) if secret]
    assert [text for text in said for secret in secrets if secret in text] == []
