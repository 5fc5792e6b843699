"""Bad records in every topic that workers read: each in the DLQ with its bytes and its reason, its neighbours as if it were not there."""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
import pytest

from ops.demo.upstream.events import EventWriter
from schemas import contract
from schemas.clock import now_ms
from schemas.codec import HEADER_BYTES
from schemas.contract import full_name
from schemas.partition import partition_of
from schemas.provision import subject
from schemas.records import (
    AudienceExpanded,
    DeadLetter,
    DeliverBatch,
    ExpandAudience,
    Notification,
    Priority,
    Profile,
    ProfileChanged,
    ProfilesChanged,
)
from schemas.topics import (
    CHANNELS,
    DEFAULT_PARTITIONS,
    DLQ,
    EXPANSIONS,
    FANOUT,
    FANOUTS,
    PRIORITIES,
    PROFILE_EVENTS,
    PROFILES,
    REQUESTS,
    STATUS,
    catalogue,
    deliver_topic,
    events_topic,
)
from streams.settings import WorkerSettings
from tests.faults.log import KINDS
from tests.faults.made_avro import drawn, encoded, records, values
from tests.integration.streams.conftest import Pipeline
from tests.integration.streams.test_pipeline import ask, became
from tests.unit.streams import make

pytestmark = pytest.mark.timeout(180)

EVENTS = tuple(events_topic(aggregate) for aggregate in WorkerSettings().aggregates)
DELIVER = tuple(deliver_topic(channel, priority) for channel in CHANNELS for priority in PRIORITIES)
TOPICS = (*EVENTS, REQUESTS, PROFILE_EVENTS, PROFILES, *FANOUTS, *DELIVER)
MADE_SEED = 1
UNKNOWN_ID = 987_654_321
BIG = 900_000
READERS_OF_PROFILES = {"decide.profiles", "decide_urgent.profiles", "urgent.profiles", "bulk.profiles"}
OF_AGGREGATE = {
    "order": ("order.placed", {"order_id": "o", "user_id": "nobody", "name": "Ann", "total": "1"}),
    "item": ("item.liked", {"item": "Lamp", "owner_id": "nobody", "actor_id": "a", "actor": "Bo"}),
    "sale": ("sale.started", {"sale_id": "s", "sale": "Spring", "percent": 20, "audience": "tag:nobody-has-it"}),
    "login": ("login.code_requested", {"user_id": "nobody", "code": "012345"}),
}


@dataclass
class Good:
    """A record as it should be, and how to see that it was had."""

    key: bytes
    value: bytes
    done: Callable[[], Any]
    headers: Mapping[str, bytes]
    partition: int = 3


def good(pipeline: Pipeline, topic: str) -> Good:
    """A new good record of a topic."""
    if topic in EVENTS:
        return _event(pipeline, topic)
    if topic in (PROFILE_EVENTS, PROFILES):
        return _profile(pipeline, topic)
    return _about_a_notification(pipeline, topic)


def _event(pipeline: Pipeline, topic: str) -> Good:
    event_id = str(uuid.uuid4())
    event_type, fields = OF_AGGREGATE[topic.removeprefix("events.")]
    value = EventWriter(pipeline.log.registry).encode(event_type, fields)
    headers = {"id": event_id.encode(), "eventType": event_type.encode()}
    return Good(b"a", value, lambda: pipeline.log.of(REQUESTS, lambda one: one.idempotency_key == event_id), headers)


def _profile(pipeline: Pipeline, topic: str) -> Good:
    log = pipeline.log
    user = next(name for _ in range(999) if partition_of(name := f"p-{uuid.uuid4().hex[:8]}", DEFAULT_PARTITIONS) == 3)
    if topic == PROFILE_EVENTS:
        value = log.codec.encode(ProfilesChanged([ProfileChanged(user, "test", 0, now_ms(), tags=["poison"])]))
        return Good(user.encode(), value, lambda: log.of(PROFILES, lambda one: one.user_id == user), {})
    made = Profile(user_id=user, channels=["in_app"], updated_at=now_ms(), applied_offset=0)

    def known() -> bool:
        """Known to who decides and to who delivers: else it is user_unknown."""
        nid = ask(pipeline, user, channels=["in_app"])
        return set(became(pipeline, nid, 1).values()) == {("sent", "")}

    return Good(user.encode(), log.codec.encode(made), known, {})


def _about_a_notification(pipeline: Pipeline, topic: str) -> Good:
    log, nid = pipeline.log, str(uuid.uuid4())
    about: Notification = make.notification(notification_id=nid, accepted_at=now_ms(), occurred_at=now_ms())
    if topic == REQUESTS:
        value = log.codec.encode(make.request(users=("nobody",), notification_id=nid, key=nid))
        return Good(nid.encode(), value, lambda: log.of(STATUS, lambda one: one.notification.notification_id == nid), {})
    if topic in FANOUTS:
        value = log.codec.encode(ExpandAudience(notification=about, users=["nobody"], partitions=1))
        return Good(nid.encode(), value, lambda: log.of(EXPANSIONS, lambda one: one.notification_id == nid), {})
    batch = DeliverBatch(str(uuid.uuid4()), about, topic.split(".")[2], ["nobody"], [-1], "p", now_ms(), 0)
    return Good(batch.batch_id.encode(), log.codec.encode(batch), lambda: log.of(STATUS, lambda one: one.batch_id == batch.batch_id), {})


def bad_ones(pipeline: Pipeline, topic: str, like: Good) -> dict[str, tuple[bytes | None, str]]:
    """Values that are wrong, and the reason that is expected."""
    wrong = AudienceExpanded("n", 0, 0, 1, True, 0, {}, {}, now_ms(), 0)
    found: dict[str, tuple[bytes | None, str]] = {
        "garbage": (b"garbage", "bad_magic"),
        "nothing": (b"", "truncated"),
        "an unknown schema id": (b"\0" + UNKNOWN_ID.to_bytes(4, "big") + b"x", "unknown_schema_id"),
        "a truncated record": (like.value[: 5 + (len(like.value) - 5) // 2], "truncated"),
        "a record and a half": (like.value + b"half", "malformed"),
        "the wrong type": (pipeline.log.codec.encode(wrong), "rule_unfit" if topic in EVENTS else "wrong_type"),
        "a lot of garbage": (b"\1" + os.urandom(BIG - 1), "bad_magic"),
        "a tombstone": (None, "truncated"),
    }
    if topic == PROFILES:
        del found["a tombstone"]  # there it says that a user is gone
    return found


@pytest.mark.parametrize("topic", TOPICS)
def test_each_bad_record_is_kept_and_its_neighbours_are_not_touched(pipeline: Pipeline, topic: str) -> None:
    log = pipeline.log
    neighbours = [good(pipeline, topic)]
    written: dict[str, tuple[int, int]] = {}
    cases = bad_ones(pipeline, topic, neighbours[0])
    _put(pipeline, topic, neighbours[0])
    for name, (value, _) in cases.items():
        like = neighbours[-1]
        written[name] = log.write(topic, value, key=like.key, partition=like.partition, headers=like.headers)
        neighbours.append(good(pipeline, topic))
        _put(pipeline, topic, neighbours[-1])
    for name, (value, reason) in cases.items():
        partition, offset = written[name]
        letters = log.until(lambda: _letters(pipeline, topic, partition, offset), f"{topic}: {name} is not in the DLQ")  # noqa: B023
        for letter in letters:
            assert (letter.value, letter.reason, letter.state) == (value, reason, "dead"), name
            assert letter.key is not None
            assert letter.headers == dict(neighbours[0].headers) or topic in EVENTS
    for number, one in enumerate(neighbours):
        log.until(one.done, f"{topic}: good record {number} was not had")


@pytest.mark.parametrize("topic", TOPICS)
def test_avro_of_any_other_schema_is_kept(pipeline: Pipeline, topic: str) -> None:
    """Under a name of its own, and under those of the topic's records."""
    log, one, names = pipeline.log, good(pipeline, topic), [full_name(kind) for kind in KINDS.get(topic, ())]
    written: dict[tuple[int, int], bytes] = {}
    for number, made in enumerate(drawn(records(), MADE_SEED, 12)):
        name = names[number // 2 % len(names)] if names and number % 2 else "poison.Made"
        value = encoded(made, name, log.registry, f"poison-{name}-{number}")
        written[log.write(topic, value, key=one.key, partition=one.partition, headers=one.headers)] = value
    _put(pipeline, topic, one)
    for place, value in written.items():
        for letter in log.until(lambda: _letters(pipeline, topic, *place), f"{topic}: {value!r} is not in the DLQ"):  # noqa: B023
            assert letter.value == value
            assert letter.reason in ("wrong_type", "malformed", "truncated", "rule_unfit")
    log.until(one.done, f"{topic}: the good record after them was not had")


@pytest.mark.parametrize("topic", TOPICS)
def test_any_values_of_the_right_schemas_end_no_worker(pipeline: Pipeline, topic: str) -> None:
    """What becomes of each is a rule's to say; it ends no worker (the fixture looks), and its neighbours are had."""
    log, one = pipeline.log, good(pipeline, topic)
    for header, schema in _schemas_of(pipeline, topic, one):
        for value in drawn(values(schema, {}), MADE_SEED, 20):
            out = BytesIO(header)
            out.seek(HEADER_BYTES)
            fastavro.schemaless_writer(out, schema, value)
            log.write(topic, out.getvalue(), key=one.key, partition=one.partition, headers=one.headers)
    last = good(pipeline, topic)
    _put(pipeline, topic, last)
    log.until(last.done, f"{topic}: the good record after them was not had")
    pipeline.workers.supervise()
    assert pipeline.workers.deaths == []


def _schemas_of(pipeline: Pipeline, topic: str, one: Good) -> list[tuple[bytes, contract.Schema]]:
    """Those of the topic's records, or of a good record, each with the bytes that say so."""
    if kinds := KINDS.get(topic):
        registry, carried = pipeline.log.registry, next(each for each in catalogue() if each.name == topic)
        ids = [registry.schema_id(subject(carried, kind), contract.schema_json(kind.__name__)) for kind in kinds]
        return [(b"\0" + schema_id.to_bytes(4, "big"), contract.schema_of(kind)) for schema_id, kind in zip(ids, kinds, strict=True)]
    header = one.value[:HEADER_BYTES]
    return [(header, contract.parse(pipeline.log.registry.schema(int.from_bytes(header[1:], "big"))))]


@pytest.mark.parametrize("size", [1_500_000, 5_000_000])
def test_records_over_the_limit_are_the_brokers_to_refuse_or_are_kept(pipeline: Pipeline, size: int) -> None:
    """The broker measures what lz4 has left of them: noise it does not take, and what is small then is a dead letter like any other."""
    log = pipeline.log
    with pytest.raises(AssertionError, match="MSG_SIZE_TOO_LARGE"):
        log.write(FANOUT, b"\1" + os.urandom(size), partition=4)
    values = [b"\1" + bytes([number]) * size for number in range(3)]
    places = [log.write(FANOUT, value, partition=4) for value in values]
    last = good(pipeline, FANOUT)
    last.partition = 4
    _put(pipeline, FANOUT, last)
    for value, (partition, offset) in zip(values, places, strict=True):
        (letter,) = log.until(lambda: _letters(pipeline, FANOUT, partition, offset), f"{size} bytes")  # noqa: B023
        assert letter.value == value
    log.until(last.done, "what came after it")


def _put(pipeline: Pipeline, topic: str, one: Good) -> None:
    pipeline.log.write(topic, one.value, key=one.key, partition=one.partition, headers=one.headers)


def _letters(pipeline: Pipeline, topic: str, partition: int, offset: int) -> list[DeadLetter]:
    """The dead letters of one record; of a profile, one from each reader."""
    place = (topic, partition, offset)
    letters = pipeline.log.of(DLQ, lambda letter: (letter.topic, letter.partition, letter.offset) == place)
    if topic == PROFILES and {letter.step for letter in letters} != READERS_OF_PROFILES:
        return []
    return letters


def test_dead_letters_are_named_by_where_they_were(pipeline: Pipeline) -> None:
    partition, offset = pipeline.log.write(FANOUT, b"garbage", key=b"some key", partition=5, headers={"h": b"\xff"})
    (letter,) = pipeline.log.until(lambda: _letters(pipeline, FANOUT, partition, offset), "the dead letter")
    (entry,) = [entry for entry in pipeline.log.entries(DLQ) if entry.record == letter]
    assert entry.key == f"{FANOUT}/{partition}/{offset}".encode()
    assert (letter.key, letter.headers, letter.step) == (b"some key", {"h": b"\xff"}, "audience")
    assert abs(letter.failed_at - letter.timestamp) < 60_000


@pytest.mark.parametrize("missing", ["id", "eventType", "key"])
def test_an_event_without_what_names_it(pipeline: Pipeline, missing: str) -> None:
    one = good(pipeline, "events.order")
    headers = {name: content for name, content in one.headers.items() if name != missing}
    partition, offset = pipeline.log.write(
        "events.order", one.value, key=b"" if missing == "key" else one.key, partition=3, headers=headers
    )
    (letter,) = pipeline.log.until(lambda: _letters(pipeline, "events.order", partition, offset), "the dead letter")
    assert letter.reason == ("key_invalid" if missing == "key" else "header_missing")
    assert letter.headers == headers


def test_garbage_of_the_largest_size_again_and_again(pipeline: Pipeline) -> None:
    """All of a batch's dead letters are one record of the journal: they have to fit, also when a worker finds them waiting at its start."""
    pipeline.workers.kill("decide")
    values = [b"\1" + os.urandom(1_048_400) for _ in range(12)]
    places = [pipeline.log.write(FANOUT, value, partition=6) for value in values]
    last = good(pipeline, FANOUT)
    _put(pipeline, FANOUT, last)
    for value, (partition, offset) in zip(values, places, strict=True):
        (letter,) = pipeline.log.until(lambda: _letters(pipeline, FANOUT, partition, offset), "large garbage")  # noqa: B023
        assert letter.value == value
    pipeline.log.until(last.done, "what came after it")


def test_a_request_of_the_largest_size(pipeline: Pipeline) -> None:
    """Long user ids in one partition: whatever becomes of it, nothing that no topic takes is asked for over and over."""

    def user(number: int) -> str:
        return f"{number:05d}{'x' * 250}"

    users = [user(number) for number in range(40_000) if partition_of(user(number), DEFAULT_PARTITIONS) == 2][:3900]
    nid = ask(pipeline, *users, channels=["push"])
    told = became(pipeline, nid, len(users))
    assert set(told.values()) == {("suppressed", "user_unknown")}


def test_a_dead_letter_goes_through_when_its_fault_is_mended(pipeline: Pipeline) -> None:
    """A service wrote with a schema that was registered too late."""
    log = pipeline.log
    later = json.loads(contract.schema_json("NotificationRequested"))
    later["fields"].append({"name": "note", "type": "string", "default": ""})
    probe = log.registry.register("probe-value", json.dumps({"type": "record", "name": "Probe", "fields": []}))
    coming = probe + 1
    one = good(pipeline, REQUESTS)
    value = b"\0" + coming.to_bytes(4, "big") + one.value[5:] + b"\x08note"
    partition, offset = log.write(REQUESTS, value, key=one.key, partition=3)
    (letter,) = log.until(lambda: _letters(pipeline, REQUESTS, partition, offset), "the dead letter")
    assert (letter.reason, letter.value) == ("unknown_schema_id", value)
    assert log.registry.register(f"{REQUESTS}-value", json.dumps(later)) == coming

    def replayed() -> Any:
        """The worker remembers for 10 s that it knows no such id; what it refuses meanwhile is a dead letter again."""
        place = log.write(letter.topic, letter.value, key=letter.key or b"", partition=letter.partition, headers=letter.headers)
        log.until(lambda: one.done() or _letters(pipeline, REQUESTS, *place), "neither had nor refused")
        return one.done()

    log.until(replayed, "the replay did not go through")


def test_a_batch_for_somebody_it_can_not_be_rendered_for_fails_with_a_status(pipeline: Pipeline) -> None:
    user = "nobody"
    nid = str(uuid.uuid4())
    about = make.notification(notification_id=nid, priority=Priority.LOW, template_id="no-such-template")
    profile = _profile(pipeline, PROFILES)
    _put(pipeline, PROFILES, profile)
    pipeline.log.until(profile.done, "the profile")
    batch = DeliverBatch(nid, about, "in_app", [profile.key.decode(), user], [0, -1], "p", now_ms(), 0)
    pipeline.log.write(deliver_topic("in_app", "low"), batch, key=nid, partition=3)
    told = became(pipeline, nid, 2)
    assert told[profile.key.decode(), "in_app"] == ("failed", "template_error")
    assert told[user, "in_app"] == ("suppressed", "user_unknown")
