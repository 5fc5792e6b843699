"""Killed at every single effect, and at pairs of them: the outputs are those of a run without a crash, and nothing contradicts itself."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice, product
from typing import Any, cast

import pytest

from providers.base import Accepted, AnyProvider, Declaration
from providers.base import Message as ToSend
from providers.base import Outcome as Answer
from providers.catalogue import Templates
from providers.features import FEATURES
from providers.sender import Sender
from schemas.records import (
    AudienceExpanded,
    DeliverBatch,
    ExpandAudience,
    LedgerEntry,
    Output,
    Priority,
    Profile,
    ProfilesChanged,
    Record,
    SetTimer,
    StatusBatch,
    Write,
)
from schemas.registry import MemoryRegistry
from schemas.topics import (
    CHANGELOG_TIMERS,
    EXPANSIONS,
    FANOUT,
    PROFILE_EVENTS,
    PROFILES,
    REQUESTS,
    STATUS,
    TIMERS,
    deliver_topic,
    table_topic,
)
from streams.audience.agent import AudienceStep
from streams.cdc.agent import TableStep
from streams.cdc.loader import load_mappings
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.planner.agent import PlannerStep
from streams.policy.loader import load_policy
from streams.profiles.agent import ProfileStep
from streams.profiles.replica import ProfileReplica
from streams.profiles.rules import User, fold
from streams.profiles.stored import NOBODY, PROFILE, Known
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View
from streams.step.turns import Turns
from streams.timers.agent import TimerStep
from streams.timers.rules import applied_row
from tests.unit.streams.audience.index import MemoryIndex
from tests.unit.streams.cdc.rows import Debezium
from tests.unit.streams.make import NOW, batch, change, codec, command, notification, profile, request, shares
from tests.unit.streams.make import codec as make_codec
from tests.unit.streams.step.sim import Chaos, Crash, World, live_until_done

pytestmark = pytest.mark.usefixtures("no_threads")

CODEC = codec()
POLICY = load_policy()
TEMPLATES = Templates.load()
CRASHES = os.environ.get("CARILLON_CRASHES", "")
"""`all`: every effect in several worlds (`make test-crashes`); `each`: every effect in one (`make test`); else every seventh."""
WORLDS, WORLDS_OF_EACH, ROUNDS = 24, 4 if CRASHES == "all" else 1, 3 if CRASHES == "all" else 1
EVERY = 1 if CRASHES in ("all", "each") else 7
Scenario = Callable[[World], Awaitable[None]]


def worlds(chaos: Callable[[], Chaos]) -> Iterator[World]:
    """The ways in which a world may treat a process that was killed."""
    for backwards, dribbles, keeps_disk, lag in product((False, True), (False, True), (False, True), (0, 3, 1000)):
        yield World(chaos(), backwards=backwards, commit_lag=lag, keeps_disk=keeps_disk, dribbles=dribbles)


async def every_crash(play: Scenario, judge: Callable[[World, World], None], seed: int = 0) -> None:
    """Play without a crash, then with one at every effect of that run (or every seventh), then with random pairs and triples."""
    stride = WORLDS // WORLDS_OF_EACH
    calm = World(Chaos())
    await play(calm)
    effects = calm.chaos.effects
    for at in range(1, effects + 1, EVERY):
        for world in islice(worlds(lambda: Chaos([at])), at % stride, None, stride):  # noqa: B023
            await play(world)
            judge(world, calm)
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        for world in worlds(lambda: Chaos(dice.randint(1, effects * 2) for _ in range(dice.randint(2, 4)))):
            await play(world)
            judge(world, calm)


def once(world: World, topic: str, kind: type[Record], identity: Callable[[Any], object]) -> dict[object, Any]:
    """The records of a topic by id; what is there twice must be the same, byte for byte."""
    found: dict[object, bytes] = {}
    for record in world.records(topic):
        name = identity(CODEC.decode(record.value_, kind))
        assert found.setdefault(name, record.value_ or b"") == record.value_, f"{topic}: {name} was written again otherwise"
    return {name: CODEC.decode(value, kind) for name, value in found.items()}


def tables_are_their_changelogs(world: World, step: RecordStep | DeliveryStep) -> None:
    for name, changelog in step.tables.items():
        assert world.tables[name].rows == world.latest(changelog)


# --- a journaled step that decides on something outside that never is the same twice


class Draws(RecordStep):
    """Gives every record the next number; remembers the last one of each key."""

    name = "draws"
    max_batch = 3
    tables = {"last": "draws.changelog"}
    journal = "draws.journal"

    def __init__(self, world: World) -> None:
        super().__init__(CODEC, world.clock)

    def decide(self, view: View, record: Input) -> Effects:
        number = str(self.clock()).encode()
        before = view.get("last", record.key or b"") or b"none"
        outputs = [Output(topic=topic, key=str(record.offset).encode(), value=before + b">" + number) for topic in ("out.a", "out.b")]
        return Effects(outputs, [Write("last", record.key or b"", number)])


async def test_a_journaled_step_decides_once() -> None:
    keys = [b"x", b"y", b"x", b"z", b"x", b"y", b"x"]

    async def play(world: World) -> None:
        for key in keys:
            world.append("in", key, b"")
        await live_until_done(world, "in", lambda: Draws(world), CODEC)

    def judge(world: World, calm: World) -> None:
        drawn: dict[bytes, bytes] = {}
        for topic in ("out.a", "out.b"):
            for record in world.records(topic):
                assert drawn.setdefault(record.key_ or b"", record.value_ or b"") == record.value_
        assert set(drawn) == {str(offset).encode() for offset in range(len(keys))}
        last: dict[bytes, bytes] = {}
        for offset, key in enumerate(keys):  # each saw what the one before it of its key had left
            before, _, number = drawn[str(offset).encode()].partition(b">")
            assert before == last.get(key, b"none")
            last[key] = number
        assert world.tables["last"].rows == last == world.latest("draws.changelog")

    await every_crash(play, judge)


# --- keyed steps


async def test_the_planner_plans_each_request_once() -> None:
    asked = [
        request(users=tuple(f"u{number}" for number in range(5)), notification_id="n-1"),
        request(expression="tag:sale", notification_id="n-2"),
        request(users=tuple(f"u{number}" for number in range(5)), notification_id="n-1", accepted_at=5),
        request(users=("ann",), notification_id="n-1"),  # a conflict
        request(users=("ann",), notification_id="n-3"),
    ]

    async def play(world: World) -> None:
        for one in asked:
            world.append(REQUESTS, one.notification.notification_id.encode(), CODEC.encode(one))
        await live_until_done(world, REQUESTS, lambda: PlannerStep(CODEC, world.clock, lambda: POLICY, 1), CODEC)

    def judge(world: World, calm: World) -> None:
        def of(command: ExpandAudience) -> object:
            return command.notification.notification_id, command.chunk

        assert once(world, FANOUT, ExpandAudience, of) == once(calm, FANOUT, ExpandAudience, of)
        assert {record.key_ for record in world.records("notify.dlq")} == {b"notify.requests/0/3"}
        tables_are_their_changelogs(world, PlannerStep(CODEC, world.clock, lambda: POLICY, 1))
        assert world.tables["planned"].rows == calm.tables["planned"].rows

    await every_crash(play, judge)


async def test_rows_of_tables_that_come_again_are_known_by_their_positions() -> None:
    """What is written twice is the same, and the profiles of all that was written are those of a run without a crash."""
    registry = MemoryRegistry()
    mine, debezium = make_codec(registry), Debezium(registry)
    said = [
        debezium.change("customers", "r", 1, id="ann", email="a@example.com", tags=[]),
        debezium.change("customers", "r", 1, id="bob", email="b@example.com", tags=["x"]),
        debezium.change("customers", "u", 3, id="ann", email="new@example.com", tags=["y"]),
        debezium.change("customers", "d", 5, id="bob"),
        None,
        b"garbage",
        debezium.change("customers", "c", 7, id="bob", tags=[]),
        debezium.change("customers", "d", 9, id="ann"),
        None,
    ]
    topic, mapping = table_topic("customers"), load_mappings()["customers"]

    async def play(world: World) -> None:
        for value in said:
            world.append(topic, b"key", value)
        await live_until_done(world, topic, lambda: TableStep(topic, mine, world.clock, mapping, 1), mine)

    def written(world: World) -> dict[object, bytes | None]:
        found: dict[object, bytes | None] = {}
        for record in world.records(PROFILE_EVENTS):
            (one,) = mine.decode(record.value_, ProfilesChanged).changes
            assert found.setdefault((one.user_id, one.source_position), record.value_) == record.value_
        return found

    def folded(world: World) -> dict[str, User]:
        users: dict[str, User] = {}
        for record in world.records(PROFILE_EVENTS):
            (one,) = mine.decode(record.value_, ProfilesChanged).changes
            users[one.user_id] = fold(users.get(one.user_id, User()), one, 0)
        return users

    def judge(world: World, calm: World) -> None:
        assert written(world) == written(calm)
        assert folded(world) == folded(calm)
        assert {record.key_ for record in world.records("notify.dlq")} == {b"cdc.customers/0/5"}

    await every_crash(play, judge)


async def test_profiles_end_the_same_and_never_go_back() -> None:
    said = [
        [change("ann", "api", 1, channels=["push"]), change("bob", "api", 1, email="b@example.com")],
        [change("ann", "cdc", 1, channels=["email"])],
        [change("bob", "cdc", 1, tags=["x"]), change("ann", "api", 2, language="de")],
        [change("cid", "api", 1, tags=["y"])],
        [change("ann", "api", 2, channels=[]), change("cid", "api", 2, deleted=True)],
    ]

    async def play(world: World) -> None:
        for changes in said:
            world.append(PROFILE_EVENTS, b"ann", CODEC.encode(ProfilesChanged(changes)))
        await live_until_done(world, PROFILE_EVENTS, lambda: ProfileStep(CODEC, world.clock, 1), CODEC)

    def judge(world: World, calm: World) -> None:
        assert world.latest(PROFILES) == calm.latest(PROFILES) == world.tables["profiles"].rows
        reached: dict[bytes, int] = {}
        for record in world.records(PROFILES):
            key = record.key_ or b""
            if key == b"cid":
                continue  # a deleted profile has nothing that could remember where it stood
            offset = CODEC.decode(record.value_, Profile).applied_offset
            assert offset >= reached.get(key, -1), f"{key!r} went back from {reached[key]} to {offset}"
            reached[key] = offset

    await every_crash(play, judge)


# --- timers: a step that acts by itself


async def test_each_timer_is_written_not_early_and_none_that_was_taken_back() -> None:
    def set_timer(name: str, ahead: int, *, taken_back: bool = False) -> SetTimer:
        due = NOW + ahead
        return SetTimer(name, due, "", None if taken_back else Output(topic="out", key=f"{name}/{due}".encode(), value=b"v"))

    said = [
        set_timer("past", -5),
        *(set_timer(f"soon {number}", 30 + number % 3) for number in range(5)),
        set_timer("moved", 20),
        set_timer("moved", 90),
        set_timer("taken back", 5_000),
        set_timer("taken back", 5_000, taken_back=True),
        set_timer("late", 150),
    ]
    wanted = {f"{one.timer_id}/{one.due}" for one in said if one.write} - {f"taken back/{NOW + 5_000}"}

    async def play(world: World) -> None:
        world.waits = lambda: len(world.partition("timers", 0).rows) > 1
        world.wrote = lambda output: timely(world, output)
        for one in said:
            world.append(TIMERS, one.timer_id.encode(), CODEC.encode(one))
        await live_until_done(world, TIMERS, lambda: TimerStep(CODEC, lambda: world.now, ["out"], 1), CODEC)

    def timely(world: World, output: Output) -> None:
        assert output.topic != "out" or int(output.key.rpartition(b"/")[2]) <= world.now

    def judge(world: World, calm: World) -> None:
        assert {(record.key_ or b"").decode() for record in world.records("out")} - {f"moved/{NOW + 20}"} == wanted - {f"moved/{NOW + 20}"}
        assert {record.value_ for record in world.records("out")} == {b"v"}
        assert world.tables["timers"].rows == world.latest(CHANGELOG_TIMERS) == {b"\0": applied_row(len(said) - 1)}

    await every_crash(play, judge)


# --- the audience: a journaled step on profiles that change while it works


class RestlessReplica:
    """Profiles of which some have another opinion every time they are read."""

    def __init__(self, world: World, users: Sequence[str]) -> None:
        self._world = world
        self._users = sorted(users)

    async def ready(self, partition: int) -> None:
        """Always."""

    async def current(self, partition: int, *, alive: Callable[[], None], offset: int = -1) -> None:
        """Always."""

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        return [self._known(user) for user in users]

    def index(self, partition: int) -> MemoryIndex:
        return MemoryIndex({PROFILE: self._users})

    def _known(self, user: str) -> Known:
        if user not in self._users:
            return NOBODY
        now = self._world.clock()
        return Known(profile(user, channels=[["push"], ["email"], []][now % 3]), now)


async def test_an_audience_is_decided_once_whatever_profiles_do() -> None:
    users = [f"u{number:02d}" for number in range(10)]
    campaign = command(notification=notification(notification_id="campaign"), expression="all")
    single = command(notification=notification(notification_id="single"), users=["u01", "nobody"])
    sizes = {"campaign": len(users), "single": 2}

    async def play(world: World) -> None:
        for one in (campaign, single, campaign):
            world.append(FANOUT, one.notification.notification_id.encode(), CODEC.encode(one))
        replica = cast(ProfileReplica, RestlessReplica(world, users))
        await live_until_done(world, FANOUT, lambda: AudienceStep(FANOUT, CODEC, world.clock, lambda: POLICY, replica, chunk=4), CODEC)

    def judge(world: World, calm: World) -> None:
        chunks = once(world, EXPANSIONS, AudienceExpanded, lambda one: (one.notification_id, one.chunk))
        assert set(chunks) == {("campaign", 0), ("campaign", 1), ("campaign", 2), ("single", 0)}
        statuses = once(world, STATUS, StatusBatch, lambda one: one.status_id)
        reached: Counter[tuple[str, str, str]] = Counter()
        for topic in (deliver_topic(channel, "normal") for channel in ("push", "email", "in_app")):
            for one in once(world, topic, DeliverBatch, lambda one: one.batch_id).values():
                reached.update((one.notification.notification_id, one.channel, user) for user in one.users)
        for one in statuses.values():
            reached.update((one.notification.notification_id, one.channel, user) for user in one.users)
        assert set(reached.values()) == {1}
        assert len(reached) == 3 * sum(sizes.values())
        assert sum(one.users for one in chunks.values()) == sum(sizes.values())
        assert all(one.queued[c] + one.suppressed[c] == one.users for one in chunks.values() for c in one.queued)
        assert world.tables["expanded"].rows == calm.tables["expanded"].rows

    await every_crash(play, judge)


# --- delivery: a provider that counts, and a process that may be killed while it does


class Counting:
    """A sender whose provider counts what it takes; killed before it, after it, or in the middle of a slice."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: Counter[str] = Counter()

    async def send_all(self, provider: AnyProvider, messages: Sequence[ToSend]) -> list[Answer]:
        self.world.chaos.point()
        for message in messages:
            await asyncio.sleep(0)
            self.sent[message.message_id] += 1
        self.world.chaos.point()
        return [Accepted(f"p-{message.message_id}") for message in messages]


class SimProvider:
    """Takes two at a time, or one."""

    def __init__(self, *, repeatable: bool, batch_size: int = 2) -> None:
        self.declaration = Declaration(name="sim", channel="push", carries=FEATURES, batch_size=batch_size, repeatable=repeatable)


BATCHES = {"b-1": ["u0", "u1", "u2", "u3", "u4"], "b-2": ["u5"], "b-3": ["u6", "u7", "nobody"], "b-4": ["u8"], "b-5": ["u9", "u1"]}


def delivery(world: World, counting: Counting, topic: str, *, repeatable: bool) -> DeliveryStep:
    replica = cast(ProfileReplica, SteadyReplica())
    provider = cast(AnyProvider, SimProvider(repeatable=repeatable))
    caller = Caller(cast(Sender, counting))
    return DeliveryStep(topic, shares(provider), caller, TEMPLATES, CODEC, world.clock, lambda: POLICY, replica, NONE_CANCELLED, Turns())


class NoneCancelled:
    """Nobody cancels anything."""

    async def current(self, partition: int, *, alive: Callable[[], None]) -> None:
        """Always."""

    def has(self, partition: int, notification_id: str) -> bool:
        return False


NONE_CANCELLED = cast(Cancels, NoneCancelled())


class SteadyReplica:
    """Everybody has one device, but for nobody."""

    async def ready(self, partition: int) -> None:
        """Always."""

    async def current(self, partition: int, *, alive: Callable[[], None], offset: int = -1) -> None:
        """Always."""

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        return [NOBODY if user == "nobody" else Known(profile(user), 7) for user in users]


@pytest.mark.parametrize(("priority", "repeatable"), [(Priority.NORMAL, False), (Priority.CRITICAL, False), (Priority.NORMAL, True)])
async def test_nobody_is_sent_to_twice_but_those_the_ledger_lists(priority: Priority, repeatable: bool) -> None:
    topic = deliver_topic("push", priority)
    resends = priority == Priority.CRITICAL or repeatable
    senders: dict[World, Counting] = {}

    async def play(world: World) -> None:
        senders[world] = Counting(world)
        for name, users in [*BATCHES.items(), ("b-1", BATCHES["b-1"]), ("b-4", BATCHES["b-4"])]:
            one = batch(*users, batch_id=name, priority=priority)
            world.append(topic, name.encode(), CODEC.encode(one))
        await live_until_done(world, topic, lambda: delivery(world, senders[world], topic, repeatable=repeatable), CODEC)

    def judge(world: World, calm: World) -> None:
        sent = senders[world].sent
        statuses = once(world, STATUS, StatusBatch, lambda one: one.batch_id)
        assert {name: one.users for name, one in statuses.items()} == BATCHES
        attempts = attempts_of(world, topic)
        for name, one in statuses.items():
            for index, (user, number) in enumerate(zip(one.users, one.outcome_of, strict=True)):
                outcome, count = one.outcomes[number], sent[f"{name}.{index}.0"]
                if user == "nobody":
                    assert (outcome.reason, count) == ("user_unknown", 0)
                elif outcome.status == "unknown":
                    assert not resends
                    assert count <= 1
                else:
                    assert outcome.status == "sent"
                    assert count >= 1
                    assert count == 1 or repeatable or (resends and count <= attempts[str(name)])
        tables_are_their_changelogs(world, delivery(world, senders[world], topic, repeatable=repeatable))
        if world.starts == 1:
            assert set(sent.values()) == {1}

    await every_crash(play, judge)


def attempts_of(world: World, topic: str) -> dict[str, int]:
    """How often the ledger says that a batch was begun again."""
    rows = world.tables[topic.removeprefix("notify.")].rows
    return {key.decode(): CODEC.decode(value, LedgerEntry).attempt for key, value in rows.items()}


class FickleReplica(SteadyReplica):
    """Everybody wants pushes in the odd lives of the worker, and nobody in the even ones."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        channels = ["push"] if self._world.starts % 2 else []
        return [Known(profile(user, channels=channels), 7) for user in users]


@pytest.mark.parametrize("batch_size", [1, 2])
async def test_nobody_who_was_reached_is_told_as_not_sent_to(batch_size: int) -> None:
    """Critical ones are sent to again; who opted out in between is not, and the first attempt may have reached them all the same."""
    topic = deliver_topic("push", Priority.CRITICAL)
    provider = cast(AnyProvider, SimProvider(repeatable=False, batch_size=batch_size))
    senders: dict[World, Counting] = {}
    reached_and: Counter[str] = Counter()

    async def play(world: World) -> None:
        counting = senders[world] = Counting(world)
        for name, users in BATCHES.items():
            world.append(topic, name.encode(), CODEC.encode(batch(*users, batch_id=name, priority=Priority.CRITICAL)))

        def step() -> DeliveryStep:
            replica, caller = cast(ProfileReplica, FickleReplica(world)), Caller(cast(Sender, counting))
            return DeliveryStep(
                topic, shares(provider), caller, TEMPLATES, CODEC, world.clock, lambda: POLICY, replica, NONE_CANCELLED, Turns()
            )

        await live_until_done(world, topic, step, CODEC)

    def judge(world: World, calm: World) -> None:
        for name, one in once(world, STATUS, StatusBatch, lambda one: one.batch_id).items():
            for index, number in enumerate(one.outcome_of):
                if senders[world].sent[f"{name}.{index}.0"]:
                    reached_and[one.outcomes[number].status] += 1

    await every_crash(play, judge)
    assert reached_and.keys() == {"sent", "unknown"}


async def test_the_simulation_does_find_a_step_that_forgets_its_intent() -> None:
    """The judge is judged: without intents a crash between call and result sends again, and that is noticed."""
    topic = deliver_topic("push", "normal")
    worst = 0
    for at in range(1, 60):
        world = World(Chaos([at]))
        counting = Counting(world)
        for name, users in BATCHES.items():
            world.append(topic, name.encode(), CODEC.encode(batch(*users, batch_id=name)))
        await live_until_done(world, topic, lambda: delivery(world, counting, topic, repeatable=True), CODEC)  # noqa: B023
        worst = max([worst, *counting.sent.values()])
    assert worst == 2


def test_a_crash_is_no_exception() -> None:
    assert not issubclass(Crash, Exception)
