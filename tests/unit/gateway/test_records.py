"""What was heard, as records, and the partition they go to."""

import pytest

from gateway.records import RAW_LIMIT, RECORD_BYTES, RECORD_EVENTS, outputs_of, partition_named, record_of
from providers.feedback.base import Heard
from schemas.codec import Codec
from schemas.contract import schema_json
from schemas.partition import partition_of
from schemas.records import FeedbackReceived, FeedbacksReceived, Output
from schemas.registry import MemoryRegistry

REF = "email-normal-3-42-0-0"
HEARD = Heard(
    provider="ses",
    kind="bounced",
    ref=REF,
    provider_message_id="EXAMPLE7c",
    address="ann@example.com",
    reason="permanent_general",
    detail="550",
    occurred_at=1,
    event_id="e-1",
    raw=b"{}",
)


def codec() -> Codec:
    registry = MemoryRegistry()
    registry.register("f", schema_json("FeedbacksReceived"))
    return Codec(registry, {FeedbacksReceived: "f"})


def test_all_that_was_heard_is_in_the_record() -> None:
    assert record_of(HEARD, "email", 2) == FeedbackReceived(
        provider="ses",
        channel="email",
        provider_message_id="EXAMPLE7c",
        kind="bounced",
        detail="550",
        occurred_at=1,
        received_at=2,
        raw=b"{}",
        ref=REF,
        address="ann@example.com",
        reason="permanent_general",
        event_id="e-1",
    )


def heard_of(*refs: str, raw: bytes = b"{}") -> list[Heard]:
    return [Heard(provider="p", kind="sent", ref=ref, event_id=f"e-{number}", raw=raw) for number, ref in enumerate(refs)]


def refs_of(output: Output) -> list[str]:
    assert output.value is not None
    return [event.ref for event in codec().decode(output.value, FeedbacksReceived).events]


def test_a_record_is_read_as_it_was_written() -> None:
    wire = codec()
    (output,) = outputs_of([HEARD], "email", 2, 8, wire.encode)
    assert (output.topic, output.partition, output.key) == ("notify.feedback", 3, REF.encode())
    assert output.value is not None
    assert wire.decode(output.value, FeedbacksReceived).events == [record_of(HEARD, "email", 2)]


def test_events_of_one_partition_are_one_record_and_one_without_a_ref_is_its_own() -> None:
    other = "push-low-5-7-1-0"
    outputs = outputs_of(heard_of(REF, "nonsense", other, REF, ""), "email", 2, 8, codec().encode)
    assert [(output.partition, refs_of(output)) for output in outputs[2:]] == [(3, [REF, REF]), (5, [other])]
    assert [refs_of(output) for output in outputs[:2]] == [["nonsense"], [""]]


def test_records_are_bounded() -> None:
    many = outputs_of(heard_of(*[REF] * (RECORD_EVENTS + 1)), "email", 2, 8, codec().encode)
    assert [len(refs_of(output)) for output in many] == [RECORD_EVENTS, 1]
    large = outputs_of(heard_of(*[REF] * 3, raw=bytes(RAW_LIMIT)), "email", 2, 8, codec().encode)
    assert [len(refs_of(output)) for output in large] == [2, 1]
    assert all(len(output.value or b"") < RECORD_BYTES + RAW_LIMIT for output in large)


@pytest.mark.parametrize(
    ("ref", "partition"),
    [
        (REF, 3),
        ("in_app-critical-0-0-0-0", 0),
        ("email-normal-7-42-0-0", 7),
        ("email-normal-8-42-0-0", None),
        ("email-normal--1-42-0-0", None),
        ("3", None),
        ("", None),
        ("email-normal-\u0663-42-0-0", None),
        (f" {REF}", None),
    ],
)
def test_a_ref_names_a_partition_of_ours_or_none(ref: str, partition: int | None) -> None:
    assert partition_named(ref, 8) == partition


@pytest.mark.parametrize(
    ("ref", "address", "sent_id", "key"),
    [
        ("99.x", "a", "m", "99.x"),
        ("", "ann@example.com", "m", "ann@example.com"),
        ("", "", "m-1", "m-1"),
        ("", "", "", "e-1"),
    ],
)
def test_without_a_ref_the_address_tells(ref: str, address: str, sent_id: str, key: str) -> None:
    heard = Heard(provider="p", kind="sent", ref=ref, address=address, provider_message_id=sent_id, event_id="e-1")
    (output,) = outputs_of([heard], "email", 2, 8, lambda record: b"")
    assert (output.key, output.partition) == (key.encode(), partition_of(key, 8))


def test_a_large_event_is_cut() -> None:
    assert len(record_of(Heard(provider="p", kind="sent", raw=bytes(RAW_LIMIT + 1)), "email", 2).raw) == RAW_LIMIT
