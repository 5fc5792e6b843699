"""The smallest whole run: a profile, an event, a request, and what became of everyone."""

import time
import uuid
from typing import Any

from ops.cli.audience import checked, counted
from ops.cli.logtail import consumer
from ops.demo.upstream.events import EventWriter
from schemas.clock import now_ms
from schemas.partition import partition_of
from schemas.records import (
    Audience,
    AudienceExpanded,
    Device,
    Notification,
    NotificationRequested,
    Priority,
    ProfileChanged,
    ProfilesChanged,
)
from schemas.topics import (
    DEFAULT_PARTITIONS,
    EXPANSIONS,
    PROFILE_EVENTS,
    PROFILES,
    REQUESTS,
    STATUS,
    deliver_topic,
    ledger_topic,
)
from streams.profiles.replica import FRESH_S
from tests.integration.streams.conftest import Pipeline

CHANNELS = ("push", "email", "in_app")


def name(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def put_profile(pipeline: Pipeline, user: str, **said: Any) -> None:
    """Write a change, and wait until it is folded and binds."""
    change = ProfileChanged(user, name("test"), 0, now_ms(), **said)
    partition = partition_of(user, DEFAULT_PARTITIONS)
    pipeline.log.write(PROFILE_EVENTS, ProfilesChanged([change]), key=user, partition=partition)
    pipeline.log.until(
        lambda: pipeline.log.of(PROFILES, lambda profile: profile.user_id == user and change.source in profile.source_positions),
        f"no profile of {user}",
    )
    folded = time.monotonic()
    pipeline.log.until(lambda: time.monotonic() > folded + FRESH_S, "time does not pass")


def ask(pipeline: Pipeline, *users: str, expression: str = "", **said: Any) -> str:
    """Write a request; returns the notification's id."""
    nid = str(uuid.uuid4())
    about = {"category": "transactional", "priority": Priority.NORMAL, "channels": list(CHANNELS), "expires_at": None} | said
    notification = Notification(
        notification_id=nid,
        event_type="test",
        source="test",
        campaign="",
        template_id="order_placed",
        template_version=1,
        data={"order_id": "1", "total": "9.99", "name": "Ann"},
        occurred_at=now_ms(),
        accepted_at=now_ms(),
        **about,
    )
    pipeline.log.write(REQUESTS, NotificationRequested(notification, Audience(list(users), expression), nid), key=nid)
    return nid


def statuses(pipeline: Pipeline, nid: str) -> dict[tuple[str, str], tuple[str, str]]:
    """(user, channel) to (status, reason), as far as they are told."""
    found = {}
    for status in pipeline.log.of(STATUS, lambda status: status.notification.notification_id == nid):
        for user, number in zip(status.users, status.outcome_of, strict=True):
            found[user, status.channel] = (status.outcomes[number].status, status.outcomes[number].reason)
    return found


def became(pipeline: Pipeline, nid: str, count: int) -> dict[tuple[str, str], tuple[str, str]]:
    """All of them, when there are `count`."""
    pipeline.log.until(lambda: len(statuses(pipeline, nid)) >= count, f"{count} statuses of {nid}")
    return statuses(pipeline, nid)


def test_from_a_request_to_what_became_of_everyone(pipeline: Pipeline) -> None:
    ann, bob, cid, nobody = name("ann"), name("bob"), name("cid"), name("nobody")
    put_profile(pipeline, ann, email="ann@example.com", devices=[Device("ios", "a"), Device("web", "b")])
    put_profile(pipeline, bob, channels=["email"], email="")
    put_profile(pipeline, cid, muted_categories=["promotional"], email="cid@example.com", devices=[Device("ios", "c")])
    nid = ask(pipeline, ann, bob, cid, nobody, category="promotional")
    assert became(pipeline, nid, 12) == {
        (ann, "push"): ("sent", ""),
        (ann, "email"): ("sent", ""),
        (ann, "in_app"): ("sent", ""),
        (bob, "push"): ("suppressed", "channel_disabled"),
        (bob, "email"): ("suppressed", "no_address"),
        (bob, "in_app"): ("suppressed", "channel_disabled"),
        **{(cid, channel): ("suppressed", "category_muted") for channel in CHANNELS},
        **{(nobody, channel): ("suppressed", "user_unknown") for channel in CHANNELS},
    }
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (2, 1)


def test_an_event_becomes_a_notification(pipeline: Pipeline) -> None:
    user = name("ann")
    put_profile(pipeline, user, email="ann@example.com", devices=[Device("ios", "a")])
    event = str(uuid.uuid4())
    payload = EventWriter(pipeline.log.registry).encode(
        "order.placed", {"order_id": "o-1", "user_id": user, "name": "Ann", "total": "49.90 EUR"}
    )
    pipeline.log.write("events.order", payload, key="o-1", headers={"id": event.encode(), "eventType": b"order.placed"})
    (request,) = pipeline.log.until(
        lambda: pipeline.log.of(REQUESTS, lambda request: request.idempotency_key == event), "no request of the event"
    )
    told = became(pipeline, request.notification.notification_id, 3)
    assert set(told.values()) == {("sent", "")}
    assert {channel for _, channel in told} == set(CHANNELS)


def test_a_tag_reaches_those_who_have_it_now(pipeline: Pipeline) -> None:
    tag = name("tag")
    users = [name("u") for _ in range(20)]
    for number, user in enumerate(users):
        put_profile(pipeline, user, email=f"{user}@example.com", tags=[tag] if number % 2 else [])
    nid = ask(pipeline, expression=f"tag:{tag}", channels=["email"], priority=Priority.LOW)
    assert set(became(pipeline, nid, 10)) == {(user, "email") for user in users[1::2]}
    chunks = pipeline.log.until(
        lambda: [some] if len(some := pipeline.log.of(EXPANSIONS, lambda one: one.notification_id == nid)) == 8 else [], "8 partitions"
    )[0]
    assert sum(chunk.users for chunk in chunks) == 10
    assert all(chunk.last for chunk in chunks)
    assert {chunk.partition for chunk in chunks} == set(range(8))


def test_an_expression_reaches_those_it_holds_for_and_the_named_each_once(pipeline: Pipeline) -> None:
    vip, new, odd = name("vip"), name("new"), name("odd tag")
    ios, web = Device("ios", "a"), Device("web", "b")
    users = {
        name("u"): (tags, devices)
        for tags in ([], [vip], [new], [vip, new], [vip, odd], [vip, new, odd])
        for devices in ([], [ios], [web], [ios, web])
    }
    for user, (tags, devices) in users.items():
        put_profile(pipeline, user, email=f"{user}@example.com", tags=tags, devices=devices)
    held = {
        user
        for user, (tags, devices) in users.items()
        if vip in tags and (new in tags or ios in devices) and not (odd in tags and web in devices)
    }
    excluded, stranger, ghost = min(held), max(set(users) - held), name("ghost")
    expression = f'tag:{vip} and (tag:{new} or platform:ios) and not (tag:"{odd}" and platform:web) and not user:{excluded}'
    nid = ask(pipeline, max(held), stranger, ghost, expression=expression, channels=["email"], priority=Priority.LOW)
    told = became(pipeline, nid, len(held) + 1)
    assert told == {(user, "email"): ("sent", "") for user in held - {excluded} | {stranger}} | {
        (ghost, "email"): ("suppressed", "user_unknown")
    }
    chunks = pipeline.log.until(lambda: _last_chunks(pipeline, nid), "8 partitions")
    assert sum(chunk.users for chunk in chunks) == len(told)
    assert pipeline.received(nid, "email") == len(held)


def _last_chunks(pipeline: Pipeline, nid: str) -> list[AudienceExpanded]:
    """All chunks of a notification, when every partition has told of its last."""
    chunks: list[AudienceExpanded] = pipeline.log.of(EXPANSIONS, lambda one: one.notification_id == nid)
    return chunks if sum(chunk.last for chunk in chunks) == DEFAULT_PARTITIONS else []


def test_the_audience_of_an_expression_is_counted_before_it_is_told(pipeline: Pipeline) -> None:
    tag = name("tag")
    users = [name("u") for _ in range(6)]
    for number, user in enumerate(users):
        put_profile(pipeline, user, tags=[tag], devices=[Device("ios", "a")] if number < 2 else [])
    put_profile(pipeline, users[5], tags=[])
    wanted = checked(f"tag:{tag} and not platform:ios")
    with consumer(pipeline.endpoints.kafka) as log:
        found = counted("e", wanted, log, pipeline.log.codec, quick=False)
        rough = counted("e", wanted, log, pipeline.log.codec, quick=True)
    assert (found.users, found.margin, found.exact, found.counted) == (3, 0, True, DEFAULT_PARTITIONS)
    assert found.profiles >= 6
    assert (rough.exact, rough.counted) == (False, 1)


def test_an_opt_out_before_the_request_is_honoured(pipeline: Pipeline) -> None:
    user = name("ann")
    put_profile(pipeline, user, email="ann@example.com")
    put_profile(pipeline, user, channels=[])
    assert set(became(pipeline, ask(pipeline, user), 3).values()) == {("suppressed", "channel_disabled")}


def test_what_is_late_is_not_sent(pipeline: Pipeline) -> None:
    user = name("ann")
    put_profile(pipeline, user, email="ann@example.com")
    nid = ask(pipeline, user, expires_at=now_ms() - 1)
    assert set(became(pipeline, nid, 3).values()) == {("expired", "expired")}
    assert pipeline.received(nid, "email") == 0


def test_the_same_request_twice_is_sent_once(pipeline: Pipeline) -> None:
    user = name("ann")
    put_profile(pipeline, user, email="ann@example.com", devices=[Device("ios", "a")])
    nid = ask(pipeline, user)
    entry = pipeline.log.until(lambda: [e for e in pipeline.log.entries(REQUESTS) if e.key == nid.encode()], "the request")[0]
    pipeline.log.write(REQUESTS, entry.value, key=nid)
    became(pipeline, nid, 3)
    after = ask(pipeline, user)  # what comes after it says when the second copy was had
    became(pipeline, after, 3)
    assert set(statuses(pipeline, nid).values()) == {("sent", "")}
    assert (pipeline.received(nid, "push"), pipeline.received(nid, "email")) == (1, 1)
    assert len(pipeline.log.of(STATUS, lambda status: status.notification.notification_id == nid)) == 3


def test_each_priority_has_its_lane_and_its_ledger(pipeline: Pipeline) -> None:
    user = name("ann")
    put_profile(pipeline, user, devices=[Device("ios", "a")])
    for priority in Priority:
        nid = ask(pipeline, user, priority=priority, channels=["push"])
        became(pipeline, nid, 1)
        topic = deliver_topic("push", priority)
        (batch,) = pipeline.log.of(topic, lambda batch: batch.notification.notification_id == nid)  # noqa: B023
        keys = [entry for entry in pipeline.log.entries(ledger_topic(topic)) if entry.key == batch.batch_id.encode()]
        intent, result = (entry.record for entry in keys)
        assert (intent.intended, intent.done, intent.finished_at) == (1, 0, None)  # type: ignore[union-attr]
        assert (result.done, result.finished_at is None) == (1, False)  # type: ignore[union-attr]
