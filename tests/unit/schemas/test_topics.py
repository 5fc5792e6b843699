"""The catalogue: every topic has an owner, a key, a retention, and a dead-letter topic or a reason for none."""

import json

import pytest

from schemas import contract
from schemas.provision import subject, subjects
from schemas.records import ChannelEnded, ChannelOverdue, ControlCampaign, ExpandAudience, Record
from schemas.topics import (
    CANCELS,
    CHANNELS,
    DEFAULT_PARTITIONS,
    DLQ,
    FANOUT,
    FANOUT_URGENT,
    FEEDBACK,
    FOREVER,
    ON_FANOUT,
    ON_URGENT,
    POLICY,
    PRIORITIES,
    PROFILES,
    REPLAYS,
    Topic,
    catalogue,
    deliver_topic,
    events_topic,
    ledger_topic,
    table_topic,
)

AGGREGATES = ("order", "item")
TABLES = ("customers",)
TOPICS = catalogue(AGGREGATES, tables=TABLES)
CARRIED = [(topic, kind) for topic in TOPICS for kind in topic.records]
OURS_ALONE = ("notify.changelog.", "notify.journal.", "notify.ledger.")
"""Written and read by one step: what is wrong in them is its bug, and there is nobody else to tell."""


def each(topic: Topic) -> str:
    return topic.name


@pytest.mark.parametrize("topic", TOPICS, ids=each)
def test_a_topic_says_who_what_and_how_long(topic: Topic) -> None:
    assert topic.owner
    assert topic.key
    assert topic.retention_ms == FOREVER or topic.retention_ms >= 24 * 3_600_000
    assert topic.retention_ms != FOREVER or topic.compacted, "without a limit by time only what is compacted ends"


@pytest.mark.parametrize("topic", TOPICS, ids=each)
def test_a_topic_has_a_dead_letter_topic_or_a_reason_for_none(topic: Topic) -> None:
    without = topic.name in (DLQ, POLICY, CANCELS, REPLAYS) or topic.name.startswith(OURS_ALONE)
    assert topic.dlq == ("" if without else DLQ)
    assert topic.dlq in ("", *map(each, TOPICS))


@pytest.mark.parametrize(("topic", "kind"), CARRIED, ids=[f"{topic.name}-{kind.__name__}" for topic, kind in CARRIED])
def test_a_topic_s_records_have_schemas_that_say_their_key(topic: Topic, kind: type[Record]) -> None:
    schema = json.loads(contract.schema_json(kind.__name__))
    assert schema["name"] == kind.__name__
    assert "ey: " in schema["doc"], f"{schema['name']} is carried by {topic.name} and does not say its key"


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.record], ids=each)
def test_the_first_record_s_subject_is_the_topic_s_and_others_bear_their_name(topic: Topic) -> None:
    assert subject(topic) == subject(topic, topic.record) == f"{topic.name}-value"
    assert {subject(topic, kind) for kind in topic.others} == {f"{topic.name}-carillon.v1.{kind.__name__}" for kind in topic.others}
    assert len(set(topic.records)) == 1 + len(topic.others)


def test_both_fan_out_lanes_carry_commands_first_and_control_and_the_common_one_what_needs_state() -> None:
    carried = {topic.name: topic.records for topic in TOPICS if topic.others and topic.name not in (FEEDBACK, REPLAYS)}
    assert carried == {FANOUT: ON_FANOUT, FANOUT_URGENT: ON_URGENT}
    assert ON_FANOUT[: len(ON_URGENT)] == ON_URGENT == (ExpandAudience, ControlCampaign, ChannelEnded, ChannelOverdue)


def test_what_only_its_owner_reads_is_no_record_beside_others() -> None:
    assert Topic("notify.changelog.x", "k", "x").records == ()


def test_only_upstream_s_topics_and_changelogs_carry_no_record_of_ours() -> None:
    without = {topic.name for topic in TOPICS if topic.record is None}
    assert {name for name in without if not name.startswith("notify.changelog.")} == {
        *map(events_topic, AGGREGATES),
        *map(table_topic, TABLES),
    }


def test_names_are_unique_and_valid() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-") and len(name) < 249 for name in names)


def test_user_keyed_topics_share_the_partition_count() -> None:
    """Co-partitioning: a user is in the same partition of all of them."""
    assert {topic.partitions for topic in TOPICS} == {None}
    assert DEFAULT_PARTITIONS & (DEFAULT_PARTITIONS - 1) == 0, "a power of two, so that buckets divide evenly"


def test_there_is_a_lane_and_a_ledger_for_each_channel_and_priority() -> None:
    names = set(map(each, TOPICS))
    lanes = {deliver_topic(channel, priority) for channel in CHANNELS for priority in PRIORITIES}
    assert len(lanes) == 16
    assert lanes | set(map(ledger_topic, lanes)) <= names


def test_a_dead_letter_holds_the_largest_record_there_is() -> None:
    sizes = {topic.name: topic.max_message_bytes for topic in TOPICS}
    assert sizes.pop(DLQ) > max(sizes.values()) + 1_000_000


@pytest.mark.parametrize("topic", TOPICS, ids=each)
def test_settings_are_kafka_s(topic: Topic) -> None:
    config = topic.config()
    assert config["cleanup.policy"] in ("compact", "delete", "compact,delete")
    assert ("compact" in config["cleanup.policy"]) == topic.compacted
    assert ("delete" in config["cleanup.policy"]) == (topic.retention_ms != FOREVER)
    assert config["retention.ms"] == str(topic.retention_ms)


def test_what_the_audit_puts_in_order_bears_the_broker_s_time() -> None:
    timed = {topic.name for topic in TOPICS if topic.config()["message.timestamp.type"] == "LogAppendTime"}
    assert timed == {PROFILES} | {name for name in (topic.name for topic in TOPICS) if name.startswith("notify.ledger.")}


def test_each_record_type_has_one_subject_the_codec_looks_in() -> None:
    found = subjects(TOPICS)
    assert set(found) == {kind for _, kind in CARRIED}
    assert set(found.values()) <= {subject(topic, kind) for topic, kind in CARRIED}
