"""Every provider, over both transports: one outcome a message, in order, and each failure is what it is."""

from collections.abc import Callable

import httpx
import pytest

from providers.base import Accepted, AnyProvider, DirectProvider, Message, Provider, Rejected, Throttled, Unavailable, Unknown
from providers.errors import BatchSizeError
from providers.inbox import Inbox
from providers.registry import KINDS
from providers.sandbox import SandboxBatch, SandboxSingle
from providers.sandbox_server.process import SandboxProcess
from providers.sender import Sender

Messages = Callable[..., list[Message]]

# One line a provider: its kind in the registry -> how the contract makes one that talks to the sandbox at a URL.
UNDER_CONTRACT: dict[str, Callable[[str, int], AnyProvider]] = {
    "sandbox_batch": lambda url, timeout_ms: SandboxBatch("email", url, 10, timeout_ms=timeout_ms, connect_timeout_ms=timeout_ms // 2),
    "sandbox_single": lambda url, timeout_ms: SandboxSingle("email", url, timeout_ms=timeout_ms, connect_timeout_ms=timeout_ms // 2),
    "inbox": lambda url, timeout_ms: Inbox("in_app", batch_size=10),
}
REMOTE = sorted(UNDER_CONTRACT.keys() - {"inbox"})


def make(kind: str, sandbox: SandboxProcess, timeout_ms: int = 10_000) -> AnyProvider:
    return UNDER_CONTRACT[kind](sandbox.base_url, timeout_ms)


def test_only_registered_kinds_are_here() -> None:
    assert UNDER_CONTRACT.keys() <= KINDS.keys()


@pytest.mark.parametrize("kind", UNDER_CONTRACT)
def test_a_provider_is_of_one_sort(kind: str) -> None:
    provider = UNDER_CONTRACT[kind]("http://127.0.0.1:1", 1_000)
    assert isinstance(provider, Provider) != isinstance(provider, DirectProvider)


@pytest.mark.parametrize("kind", UNDER_CONTRACT)
async def test_all_are_accepted_in_order(
    kind: str, sandbox: SandboxProcess, control: httpx.Client, sender: Sender, messages: Messages
) -> None:
    sent = messages(57)
    outcomes = await sender.send_all(make(kind, sandbox), sent)
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 57
    ids = [outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert [i.removeprefix("sb-") for i in ids] == [message.message_id for message in sent]


@pytest.mark.parametrize("kind", UNDER_CONTRACT)
@pytest.mark.parametrize("count", [0, 11])
async def test_a_batch_of_the_wrong_size_is_an_error(
    kind: str, count: int, sandbox: SandboxProcess, sender: Sender, messages: Messages
) -> None:
    with pytest.raises(BatchSizeError, match=f"{count} messages given"):
        await sender.send(make(kind, sandbox), messages(count))


@pytest.mark.parametrize("kind", UNDER_CONTRACT)
async def test_nothing_to_send_is_no_error(kind: str, sandbox: SandboxProcess, sender: Sender) -> None:
    assert await sender.send_all(make(kind, sandbox), []) == []


@pytest.mark.parametrize("kind", REMOTE)
async def test_each_arrives_once_and_a_repeat_is_seen(
    kind: str, sandbox: SandboxProcess, control: httpx.Client, sender: Sender, messages: Messages
) -> None:
    provider = make(kind, sandbox)
    await sender.send_all(provider, messages(25))
    stats = control.get("/v1/stats?notification=n-1").json()
    assert (stats["received"], stats["distinct"], stats["duplicates"]) == (25, 25, 0)
    await sender.send_all(provider, messages(5))
    stats = control.get("/v1/stats").json()
    assert (stats["received"], stats["distinct"], stats["duplicates"]) == (30, 25, 5)
    assert stats["duplicate_messages"] == 5


@pytest.mark.parametrize("kind", REMOTE)
async def test_a_rejected_item_does_not_touch_its_neighbours(
    kind: str, sandbox: SandboxProcess, control: httpx.Client, sender: Sender, messages: Messages
) -> None:
    control.put("/v1/settings", json={"email": {"reject_rate": 0.3, "seed": 7}}).raise_for_status()
    outcomes = await sender.send_all(make(kind, sandbox), messages(100))
    rejected = [outcome for outcome in outcomes if outcome == Rejected("unregistered", address_dead=True)]
    stats = control.get("/v1/stats").json()
    assert 15 < len(rejected) < 45
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 100 - len(rejected) == stats["received"]
    assert stats["rejected"] == len(rejected)
    assert await sender.send_all(make(kind, sandbox), messages(100)) == outcomes  # the same addresses again


@pytest.mark.parametrize("kind", REMOTE)
async def test_throttled_says_when_to_come_back_and_nothing_was_taken(
    kind: str, sandbox: SandboxProcess, control: httpx.Client, sender: Sender, messages: Messages
) -> None:
    control.put("/v1/settings", json={"email": {"throttle": 1, "retry_after_s": 7}}).raise_for_status()
    (outcome,) = await sender.send(make(kind, sandbox), messages(1))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_ms == 7_000
    assert control.get("/v1/stats").json()["received"] == 0


@pytest.mark.parametrize("kind", REMOTE)
async def test_a_server_error_is_unavailable_and_nothing_was_taken(
    kind: str, sandbox: SandboxProcess, control: httpx.Client, sender: Sender, messages: Messages
) -> None:
    control.put("/v1/settings", json={"email": {"fail_rate": 1}}).raise_for_status()
    outcomes = await sender.send_all(make(kind, sandbox), messages(12))
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 12
    assert control.get("/v1/stats").json()["received"] == 0


@pytest.mark.parametrize("kind", REMOTE)
async def test_a_stalled_answer_is_unknown_because_it_was_taken(
    kind: str, sandbox: SandboxProcess, control: httpx.Client, sender: Sender, messages: Messages
) -> None:
    provider = make(kind, sandbox, timeout_ms=2000)
    await sender.send(provider, messages(1))  # connected: on a busy machine that alone may take as long
    control.put("/v1/settings", json={"email": {"stall_rate": 1, "stall_ms": 60_000}}).raise_for_status()
    (outcome,) = await sender.send(provider, messages(1))
    assert outcome == Unknown("no answer within 2000 ms")
    assert control.get("/v1/stats").json()["received"] == 2


@pytest.mark.parametrize("kind", REMOTE)
async def test_a_dead_server_is_unavailable_and_a_new_one_is_used(kind: str, sender: Sender, messages: Messages) -> None:
    server = SandboxProcess(tied=True).start()
    try:
        provider = make(kind, server)
        assert await sender.send(provider, messages(1)) == [Accepted("sb-m-0")]
        server.kill()
        await sender.send(provider, messages(1))  # a request written to the dying connection is Unknown
        (outcome,) = await sender.send(provider, messages(1))
        assert isinstance(outcome, Unavailable)
        server.start()
        assert await sender.send(provider, messages(1)) == [Accepted("sb-m-0")]
    finally:
        server.stop()
