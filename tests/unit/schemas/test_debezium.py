"""Outbox records, and those of services that write them themselves, to events."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.debezium import HeaderInvalid, HeaderMissing, Headers, KeyInvalid, UpstreamEvent, upstream_event
from schemas.errors import RecordRefused, Truncated

ID = b"0d6f3f0e-8a53-4a3e-9d35-6a0d7c1f5a11"
GOOD = [("id", ID), ("eventType", b"order.placed")]
PAYLOAD = b"\0\0\0\0\x07\x02\xff"


def read(
    headers: Headers = GOOD, key: bytes | None = b"o-1", value: bytes | None = PAYLOAD, timestamp: int = 1_700_000_000_000
) -> UpstreamEvent:
    return upstream_event("events.order", key, value, headers, timestamp)


def test_everything_is_taken_over_and_the_payload_is_untouched() -> None:
    assert read() == UpstreamEvent(ID.decode(), "order.placed", "o-1", "events.order", 1_700_000_000_000, PAYLOAD)


def test_headers_may_come_as_pairs_or_as_a_mapping_and_others_are_ignored() -> None:
    assert read(OrderedDict(GOOD)) == read([("x", None), *GOOD, ("traceparent", b"\xff")]) == read()


def test_an_empty_payload_is_passed_on_for_the_codec_to_refuse() -> None:
    assert read(value=b"").payload == b""


@pytest.mark.parametrize(
    ("headers", "error", "says"),
    [
        (None, HeaderMissing, "'id' is missing; found: none"),
        ([], HeaderMissing, "'id'"),
        ({"eventType": b"x"}, HeaderMissing, "'id' is missing; found: eventType"),
        ({"id": ID}, HeaderMissing, "'eventType' is missing; found: id"),
        ({"id": None, "eventType": b"x"}, HeaderMissing, "'id'"),
        ({"id": b"", "eventType": b"x"}, HeaderInvalid, "'id'"),
        ({"id": ID, "eventType": b""}, HeaderInvalid, "'eventType'"),
        ({"id": b"\xff\xfe", "eventType": b"x"}, HeaderInvalid, "'id'"),
        ({"id": b"a\nb", "eventType": b"x"}, HeaderInvalid, "'id'"),
        ({"id": b"i" * 201, "eventType": b"x"}, HeaderInvalid, "1 to 200"),
    ],
)
def test_bad_headers_are_refused_by_name(headers: Headers, error: type[RecordRefused], says: str) -> None:
    with pytest.raises(error, match=says):
        read(headers)


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"a\0b", b"k" * 201])
def test_a_key_that_is_no_aggregate_id_is_refused(key: bytes | None) -> None:
    with pytest.raises(KeyInvalid):
        read(key=key)


def test_a_tombstone_is_refused() -> None:
    with pytest.raises(Truncated, match="order.placed"):
        read(value=None)


@pytest.mark.parametrize("timestamp", [-1, 1_700_000_000_000_000, 2**63 - 1])
def test_a_record_without_a_time_in_ms_is_refused(timestamp: int) -> None:
    with pytest.raises(HeaderInvalid, match="timestamp"):
        read(timestamp=timestamp)


@given(
    st.none() | st.binary(),
    st.none() | st.binary(),
    st.lists(st.tuples(st.sampled_from(["id", "eventType", "x"]), st.none() | st.binary())),
    st.integers(-1, 2**62),
)
def test_whatever_comes_it_is_an_event_or_a_typed_refusal(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], timestamp: int
) -> None:
    try:
        event = upstream_event("events.x", key, value, headers, timestamp)
    except RecordRefused:
        return
    assert event.payload == value
    assert event.event_id.encode() == dict(headers)["id"]
