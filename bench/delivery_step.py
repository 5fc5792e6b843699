"""`python -m bench.delivery_step`: what delivery costs a recipient, in us of this process's CPU, without Kafka.

The step, its local store, sender and sandbox server are the real ones; what is written to the log is taken at once, and the step's clock
stands still: however slow the machine is, no profile is read twice. So it runs where other things do, and says which part of
`bench.delivery` is ours. The best of some rounds is printed.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import NoReturn, cast

import msgspec
import uvloop

from bench.campaign.people import change
from bench.campaign.run import flash_sale
from bench.system import UNCAPPED
from providers.base import AnyProvider
from providers.catalogue import Templates
from providers.registry import Route
from providers.sandbox import SandboxBatch, SandboxSingle
from providers.sandbox_server.process import running
from providers.sender import Sender
from providers.transport import FastTransport
from schemas import contract
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.ids import batch_id
from schemas.provision import subjects
from schemas.records import DeliverBatch, Output, Profile
from schemas.registry import MemoryRegistry
from schemas.topics import DEFAULT_PARTITIONS, catalogue, deliver_topic
from streams.delivery.agent import BATCHES_AT_ONCE, DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.delivery.shares import Shares, Standing
from streams.policy.loader import load_policy
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import PROFILE, pack, user_keys
from streams.step.lease import Lease
from streams.step.log import LogWriter, Positions
from streams.step.model import Input
from streams.step.partition import StepPartition
from streams.step.store import Store
from streams.step.turns import Turns
from streams.worker import calm_collector

TOPIC = deliver_topic("push", "low")
CHUNK = 450
"""Users of a batch: of 500 who are decided at once."""
NOW = 1_700_000_000_000
LEASE_S = 3600.0


class MemoryLog:
    """Takes everything at once, and counts it."""

    def __init__(self) -> None:
        self._offsets = count(1)

    async def send(self, outputs: Sequence[Output]) -> Positions:
        """The next offset of each place."""
        await asyncio.sleep(0)
        return {(output.topic, output.partition): next(self._offsets) for output in outputs}


class LocalProfiles(ProfileReplica):
    """Profiles that are always current; all partitions have the same."""

    def __init__(self, store: Store) -> None:
        self._parts = dict.fromkeys(range(DEFAULT_PARTITIONS), store.partition("profiles", 0))

    async def current(self, partition: int, *, alive: Callable[[], None], offset: int = -1) -> None:
        """At once."""

    def fill(self, users: list[Profile]) -> None:
        """Write profiles."""
        keys = user_keys([user.user_id for user in users])
        rows = [(PROFILE + key, pack(msgspec.structs.asdict(user), 1)) for key, user in zip(keys, users, strict=True)]
        self._parts[0].write(rows, 1)


class NoCancels:
    """Nothing was cancelled."""

    async def current(self, partition: int, *, alive: Callable[[], None]) -> None:
        """At once."""

    def has(self, partition: int, notification_id: str) -> bool:
        """Not."""
        return False


def main() -> int:
    """Print both kinds; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery_step", description=__doc__)
    parser.add_argument("--users", type=int, default=45_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=("batch", "single"), action="append")
    args = parser.parse_args()
    for kind in args.kind or ("batch", "single"):
        with tempfile.TemporaryDirectory() as folder, running() as server:
            users = args.users if kind == "batch" else args.users // 10
            cpu_us, per_s = uvloop.run(measure(Path(folder), provider(kind, server.base_url), users, args.rounds))
        sys.stdout.write(f"{kind}: {cpu_us:.2f} us of CPU a recipient, {per_s:,.0f} recipients/s; {users:,} recipients\n")
    return 0


def provider(kind: str, url: str) -> AnyProvider:
    """As `bench.delivery` has them."""
    return SandboxBatch("push", url, batch_size=1000) if kind == "batch" else SandboxSingle("push", url, concurrency=100)


async def measure(folder: Path, provider: AnyProvider, users: int, rounds: int) -> tuple[float, float]:
    """The least CPU us a recipient, and the most recipients a second of wall clock."""
    store, codec = Store(folder), _codec()
    profiles, policy = LocalProfiles(store), load_policy(UNCAPPED)
    people = list(islice(_people(), users))
    for some in _chunks(people):
        profiles.fill(some)
    standing = Standing(now_ms)
    sender = Sender(FastTransport(), standing)
    shares = Shares({provider.declaration.name: Route(provider)}, standing)
    cancels = cast(Cancels, NoCancels())
    step = DeliveryStep(TOPIC, shares, Caller(sender), Templates.load(), codec, lambda: NOW, lambda: policy, profiles, cancels, Turns())
    found = []
    calm_collector()
    for number in range(rounds + 1):
        records = [_record(codec, number, place, some) for place, some in enumerate(_chunks(people))]
        cpu, wall = time.process_time(), time.perf_counter()
        await _deliver(step, store, records)
        found.append(((time.process_time() - cpu) * 1e6 / users, users / (time.perf_counter() - wall)))
    await sender.aclose()
    return min(cpu_us for cpu_us, _ in found[1:]), max(per_s for _, per_s in found[1:])


async def _deliver(step: DeliveryStep, store: Store, records: Sequence[Input]) -> None:
    """As the runners of all partitions do."""
    left, lease = deque(records), Lease(LEASE_S)

    async def run(partition: int) -> None:
        part = StepPartition(partition, step.tables, store, cast(LogWriter, MemoryLog()), _die, lease)
        while left:
            batch = [left.popleft() for _ in range(min(BATCHES_AT_ONCE, len(left)))]
            await part.commit(await step.handle(part, batch))

    await asyncio.gather(*map(run, range(DEFAULT_PARTITIONS)))


def _record(codec: Codec, number: int, place: int, people: list[Profile]) -> Input:
    notification = flash_sale(str(number), 1, NOW).notification
    batch = DeliverBatch(
        batch_id=batch_id(notification.notification_id, 0, place, "push"),
        notification=notification,
        channel="push",
        users=[person.user_id for person in people],
        profile_offsets=[1] * len(people),
        policy_version="bench",
        decided_at=NOW,
        fanout_offset=place,
        counted_on=[1] * len(people),
        partitions=DEFAULT_PARTITIONS,
    )
    return Input(TOPIC, 0, number * 1_000_000 + place, NOW, batch.batch_id.encode(), codec.encode(batch), {})


def _people() -> Iterator[Profile]:
    """Those who can be told by push, as `bench.campaign` has them."""
    for number in count():
        one = change(number, (1_000_000,), NOW)
        if "push" in (one.channels or ()) and one.devices and not one.muted_categories:
            named = {name: value for name in Profile.__struct_fields__ if (value := getattr(one, name, None)) is not None}
            yield Profile(**named, updated_at=NOW, applied_offset=number)


def _chunks(people: list[Profile]) -> Iterator[list[Profile]]:
    return (people[start : start + CHUNK] for start in range(0, len(people), CHUNK))


def _codec() -> Codec:
    registry, of = MemoryRegistry(), subjects(catalogue())
    for kind, subject in of.items():
        registry.register(subject, contract.schema_json(kind.__name__))
    made = Codec(registry, of)
    made.warm()
    return made


def _die(reason: str) -> NoReturn:
    raise SystemExit(reason)


if __name__ == "__main__":
    sys.exit(main())
