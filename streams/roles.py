"""The roles a worker process can have: which steps it runs, and what it needs for them.

What is short is apart from what is long: planning from expansion, and the whole of the urgent lane from campaigns.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from providers import registry as providers
from providers.catalogue import Templates
from providers.secret_files import Variables
from providers.sender import Sender
from providers.transport import FastTransport
from schemas.codec import Codec
from schemas.records import Priority
from schemas.topics import (
    BULK,
    CAMPAIGN_KEPT_MS,
    CHANGELOG_DAYS,
    CHANNELS,
    FANOUT,
    FANOUT_URGENT,
    FEEDBACK,
    PROFILE_EVENTS,
    REQUESTS,
    SCHEDULE_KEPT_MS,
    TIMERS,
    TRIED_KEPT_MS,
    URGENT,
    deliver_topic,
    events_topic,
    table_topic,
)
from streams.assigned import Assigned
from streams.audience.agent import AudienceStep
from streams.audience.campaigns import TABLE as CAMPAIGNS
from streams.audience.late import Late
from streams.audience.tried import TABLE as TRIED
from streams.cdc.agent import TableStep
from streams.cdc.loader import load_mappings, mappings_of
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.delivery.days import TAIL, Days
from streams.delivery.shares import Shares, Standing
from streams.feedback.agent import FeedbackStep
from streams.feedback.numbers import Numbers
from streams.feedback.phones import Phones
from streams.give_way import Manners
from streams.health.backlog import Backlog
from streams.intake.agent import IntakeStep
from streams.intake.loader import load_triggers
from streams.planner.agent import SCHEDULED, PlannerStep
from streams.policy.policy import InForce
from streams.profiles.agent import ProfileStep
from streams.profiles.kept import INDEXED, PHONES, PLAIN, Kept
from streams.profiles.replica import ProfileReplica
from streams.routing.quota import share_of
from streams.settings import WorkerSettings
from streams.step.reader import LogReader
from streams.step.step import Step
from streams.step.turns import Turns
from streams.timers.agent import TimerStep
from streams.timers.rules import TABLE as TIMERS_TABLE

Clock = Callable[[], int]
Steps = dict[str, Step]


@dataclass(frozen=True)
class Parts:
    """What steps are made of."""

    codec: Codec
    clock: Clock
    settings: WorkerSettings
    replica: ProfileReplica | None
    cancels: Cancels | None
    kafka: str
    in_force: InForce | None
    assigned: Assigned


@dataclass(frozen=True)
class Role:
    """`replica`: what its copy of the profiles keeps; None: it has none. `forgets`: table values may vanish after 48 h, but for those of
    the tables in `lasting`, which stay for so many seconds. `ordered`: tables that are kept in the order of their values too. `cancels`:
    whether it hears of campaigns that were. `policy`: whether it goes by the policy.
    """

    make: Callable[[Parts], Steps]
    replica: Kept | None
    forgets: bool = True
    ordered: tuple[str, ...] = ()
    manners: Manners = Manners.FIRST
    lasting: Mapping[str, int] = field(default_factory=dict)
    cancels: bool = False
    policy: bool = False


def _profiles(parts: Parts) -> Steps:
    return {PROFILE_EVENTS: ProfileStep(parts.codec, parts.clock, parts.settings.partitions)}


def _cdc(parts: Parts) -> Steps:
    """Apart from `profiles`: the mapping of a million rows takes no turn of an opt-out that the API wrote, a registry that does not know
    the schema of a row stops no fold, and another list of tables gives the fold no other name in its group (`streams.app.member_id`).
    """
    mappings = mappings_of(parts.settings.tables, load_mappings())
    made = ((table_topic(table), mapping) for table, mapping in mappings.items())
    return {topic: TableStep(topic, parts.codec, parts.clock, mapping, parts.settings.partitions) for topic, mapping in made}


def _plan(parts: Parts) -> Steps:
    assert parts.in_force is not None
    triggers = load_triggers()
    topics = [events_topic(aggregate) for aggregate in parts.settings.aggregates]
    intake: Steps = {topic: IntakeStep(topic, parts.codec, parts.clock, triggers, parts.settings.partitions) for topic in topics}
    return intake | {REQUESTS: PlannerStep(parts.codec, parts.clock, parts.in_force, parts.settings.partitions)}


def _decide(parts: Parts, topic: str = FANOUT) -> Steps:
    assert parts.replica is not None
    assert parts.in_force is not None
    in_force, chunk = parts.in_force, parts.settings.chunk
    if topic != FANOUT:  # nothing on the urgent lane is shed
        return {topic: AudienceStep(topic, parts.codec, parts.clock, in_force, parts.replica, chunk)}
    lanes = {channel: deliver_topic(channel, Priority.LOW) for channel in CHANNELS}
    late = Late(Backlog(parts.kafka, "carillon.bulk", lanes, parts.settings.partitions), in_force, parts.clock)
    late.start()
    return {topic: AudienceStep(topic, parts.codec, parts.clock, in_force, parts.replica, chunk, late.channels)}


def _deliver(parts: Parts, priorities: tuple[str, ...]) -> Steps:
    assert parts.replica is not None
    assert parts.cancels is not None
    assert parts.in_force is not None
    urgent = parts.settings.urgent_share
    part = urgent if priorities == URGENT else 1 - urgent
    variables = Variables({**os.environ, "SANDBOX_URL": parts.settings.sandbox_url})
    registry = providers.load_file(parts.settings.providers_file or providers.DEFAULT, variables)
    days = _days(parts, "urgent" if priorities == URGENT else "bulk", part)
    assigned, partitions = parts.assigned, parts.settings.partitions
    standing = Standing(parts.clock, lambda limit: share_of(limit, part, assigned.mine, partitions), days)
    templates, turns = Templates.load(), Turns()
    trusted = parts.settings.ca_file
    transport, http2 = FastTransport(ca_file=trusted), FastTransport(http2=True, ca_file=trusted)
    # each priority has its own slots at a provider: an order does not queue behind a sale
    callers = {priority: Caller(Sender(transport, standing, http2=http2)) for priority in priorities}
    return {
        deliver_topic(channel, priority): DeliveryStep(
            deliver_topic(channel, priority),
            Shares(providers.routes_of(registry, channel), standing),
            callers[priority],
            templates,
            parts.codec,
            parts.clock,
            parts.in_force,
            parts.replica,
            parts.cancels,
            turns,
        )
        for channel in CHANNELS
        for priority in priorities
    }


def _days(parts: Parts, role: str, part: float) -> Days:
    reader = cache(lambda: LogReader(parts.kafka, f"carillon.{role}.days"))  # most have no daily limit, and never read
    return Days(role, part, parts.settings.partitions, lambda p: reader().last_values(CHANGELOG_DAYS, p, TAIL), parts.clock)


def _timers(parts: Parts) -> Steps:
    topics = [topic.name for topic in parts.settings.topics]
    return {TIMERS: TimerStep(parts.codec, parts.clock, topics, parts.settings.partitions)}


def _feedback(parts: Parts) -> Steps:
    assert parts.replica is not None
    batches = LogReader(parts.kafka, "carillon.feedback.batches")
    numbers = Numbers(parts.codec, parts.clock, Phones(parts.replica).users_of, parts.settings.partitions)
    return {FEEDBACK: FeedbackStep(parts.codec, parts.clock, batches.value_at, numbers)}


LASTING = {CAMPAIGNS: CAMPAIGN_KEPT_MS // 1000, TRIED: TRIED_KEPT_MS // 1000}
ROLES: Mapping[str, Role] = {
    "profiles": Role(_profiles, replica=None, forgets=False, manners=Manners.LAST),
    "cdc": Role(_cdc, replica=None, manners=Manners.LAST),
    "plan": Role(_plan, replica=None, lasting={SCHEDULED: SCHEDULE_KEPT_MS // 1000}, policy=True),
    "decide": Role(_decide, replica=INDEXED, manners=Manners.BEHIND, lasting=LASTING, policy=True),
    "decide_urgent": Role(lambda parts: _decide(parts, FANOUT_URGENT), replica=INDEXED, lasting=LASTING, policy=True),
    "urgent": Role(lambda parts: _deliver(parts, URGENT), replica=PLAIN, cancels=True, policy=True),
    "bulk": Role(lambda parts: _deliver(parts, BULK), replica=PLAIN, manners=Manners.LAST, cancels=True, policy=True),
    "feedback": Role(_feedback, replica=PHONES, forgets=False, manners=Manners.BEHIND),
    "timers": Role(_timers, replica=None, forgets=False, ordered=(TIMERS_TABLE,), manners=Manners.BEHIND),
}
