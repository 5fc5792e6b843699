"""A provider that is down until retries are spent, and a replay when it is back, killed at every effect: each is sent to once, or is told
why not; and a replay after it finds nobody.
"""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import msgspec
import pytest

from ops.replay.log import Visit
from ops.replay.model import Chosen
from ops.replay.run import Replay
from providers.base import Accepted, AnyProvider, Unavailable
from providers.base import Message as ToSend
from providers.base import Outcome as Answer
from providers.sender import Sender
from schemas.records import Output
from schemas.topics import FANOUT, PROFILES, REPLAYS, STATUS, deliver_topic
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.policy.policy import Retry
from streams.profiles.replica import ProfileReplica
from streams.step.turns import Turns
from tests.unit.streams.make import command, profile, shares
from tests.unit.streams.step.sim import Crash, World, live_until_done
from tests.unit.streams.step.test_caps_crashes import SALES, STRICT, USERS
from tests.unit.streams.step.test_crashes import CODEC, NONE_CANCELLED, TEMPLATES, every_crash, tables_are_their_changelogs
from tests.unit.streams.step.test_give_back_crashes import CHANNELS, Lanes, Provider, SleepyReplica, audience
from tests.unit.streams.step.test_handed_back_crashes import met
from tests.unit.streams.step.test_retry_crashes import next_timer

pytestmark = pytest.mark.usefixtures("no_threads")

MAX_RUNS = 30
SLICE = 2
"""Users a second: batches are cut."""
SOON = Retry(for_ms=2_500, first_ms=2_000, most_ms=2_000)
POLICY = msgspec.structs.replace(
    STRICT, categories={name: msgspec.structs.replace(one, retry=SOON) for name, one in STRICT.categories.items()}
)
ENDS = {"sent", "unknown", "failed", "suppressed"}


class Switched:
    """A provider that takes nothing while it is down; what it took is in `took`."""

    def __init__(self, world: World) -> None:
        self._world, self.down, self.took = world, True, list[tuple[str, str]]()

    async def send_all(self, provider: AnyProvider, messages: Sequence[ToSend]) -> list[Answer]:
        channel = provider.declaration.channel
        self.took += [] if self.down else [(one.user_id, channel) for one in messages]
        self._world.chaos.point()
        return [Unavailable("down") if self.down else Accepted("p") for _ in messages]


class SimulatedLog:
    """The log of a world, as a replay sees it; it can be killed before and after each record it writes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def partitions(self, topic: str) -> int:
        return 1

    def end(self, topic: str, partition: int) -> int:
        return len(self._world.records(topic))

    def since(self, topic: str, partition: int, at: int) -> int:
        return 0

    def read(self, topic: str, partition: int, start: int, stop: int, visit: Visit) -> None:
        for record in self._world.records(topic)[start:stop]:
            visit(record.offset_, record.key_ or b"", record.value_)

    def write(self, records: Sequence[Output]) -> None:
        for one in records:
            self._world.chaos.point()
            self._world.append(one.topic, one.key, one.value)
            self._world.chaos.point()


def replay_of(world: World, name: str = "r") -> Replay:
    chosen = Chosen(since=0, until=world.now + 1_000_000)
    return Replay(SimulatedLog(world), CODEC, POLICY, chosen, name, world.clock)


def replayed(world: World) -> Counter[str]:
    """Run it again after each crash, until one comes to its end."""
    for number in range(MAX_RUNS):
        try:
            one = replay_of(world, f"r-{number}")
            return one.send(one.look(), "ann", {}, SLICE, lambda seconds: None, lambda done: None)
        except Crash:
            world.chaos.dead = False  # the workers' tables do not die with it
    raise AssertionError(f"not done after {MAX_RUNS} runs")


def delivery(world: World, topic: str, channel: str, switched: Switched) -> DeliveryStep:
    provider, caller = cast(AnyProvider, Provider(channel)), Caller(cast(Sender, switched))
    replica = cast(ProfileReplica, SleepyReplica(None))
    args = (topic, shares(provider), caller, TEMPLATES, CODEC, world.clock, lambda: POLICY, replica, NONE_CANCELLED, Turns())
    return DeliveryStep(*args, draw=lambda: 0.9)


async def until_calm(world: World, lanes: Lanes, provider: Switched, reached: dict[str, int]) -> None:
    """Decide, deliver, and let timers fire until there are none."""
    for _ in range(60):
        await lanes.decide()
        for channel in CHANNELS:
            topic = deliver_topic(channel, "normal")
            world.committed = reached.get(topic, 0)
            await live_until_done(world, topic, lambda: delivery(world, topic, channel, provider), CODEC)  # noqa: B023
            reached[topic] = world.committed
        await lanes.decide()
        if not await next_timer(world):
            return
    raise AssertionError("timers without an end")


async def test_each_is_sent_to_once_by_however_many_replays() -> None:
    took: dict[int, list[tuple[str, str]]] = {}

    async def play(world: World) -> None:
        lanes, provider, reached = Lanes(world), Switched(world), dict[str, int]()
        took[id(world)] = provider.took
        for user in USERS:
            world.append(PROFILES, user.encode(), CODEC.encode(profile(user)))
        world.append(FANOUT, b"k", CODEC.encode(command(notification=SALES[0], users=USERS)))
        await until_calm(world, lanes, provider, reached)
        provider.down = False
        failed = sum(told[-1] == "failed" for told in met(world).values())
        assert sum(number for line, number in replay_of(world).look().lines.items() if line.why == "go") == failed
        replayed(world)
        await until_calm(world, lanes, provider, reached)
        told, written = len(world.records(STATUS)), len(world.records(FANOUT))
        found = replay_of(world).look()
        assert (found.going, found.unfinished) == (0, 0)
        assert replayed(world)["go"] == 0
        assert (len(world.records(STATUS)), len(world.records(FANOUT))) == (told, written), "a second replay hands nobody over"
        assert len(world.records(REPLAYS)) >= 4

    def judge(world: World, calm: World) -> None:
        found = met(world)
        assert set(found) == {(user, channel) for user in USERS for channel in CHANNELS}
        sent = Counter(took.pop(id(world)))
        assert set(sent.values()) <= {1}, "sent to twice"
        for place, told in found.items():
            ends = [one for one in told if one != "deferred"]
            assert ends[:-1] in ([], ["failed"]), (place, told)
            assert ends[-1] in ENDS - {"failed"}, (place, told)
            assert (ends[-1] == "sent") <= (place in sent), (place, told)
            assert (place in sent) <= (ends[-1] in ("sent", "unknown")), (place, told)
        tables_are_their_changelogs(world, audience(world))

    await every_crash(play, judge)
