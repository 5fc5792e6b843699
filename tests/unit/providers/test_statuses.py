"""What a status means, and what Retry-After says."""

import httpx
import pytest

from providers.base import Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.statuses import by_status, retry_after_ms

DATE = "Sat, 21 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (100, Unknown),
        (200, Unknown),
        (299, Unknown),
        (301, Unavailable),
        (307, Unavailable),
        (400, Rejected),
        (401, Unavailable),
        (403, Unavailable),
        (404, Unavailable),
        (408, Unavailable),
        (409, Rejected),
        (413, Rejected),
        (422, Rejected),
        (425, Unavailable),
        (429, Throttled),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unknown),
        (524, Unknown),
        (599, Unavailable),
        (600, Unknown),
    ],
)
def test_a_status_is_an_outcome(status: int, kind: type[Outcome]) -> None:
    outcome = by_status(httpx.Response(status, content=b"because"))
    assert type(outcome) is kind
    assert outcome.detail == f"HTTP {status}: because"  # type: ignore[union-attr]


def test_unavailable_with_a_time_is_throttled() -> None:
    outcome = by_status(httpx.Response(503, headers={"Retry-After": "30"}))
    assert outcome == Throttled(30_000, "HTTP 503: ")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 0),
        ({"Retry-After": "120"}, 120_000),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "1.5"}, 0),
        ({"Retry-After": "9" * 5000}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "Sat, 21 Nov 2026 00:01:30 GMT", "Date": DATE}, 90_000),
        ({"Retry-After": "Fri, 20 Nov 2026 00:01:30 GMT", "Date": DATE}, 0),
        ({"Retry-After": "Sat, 21 Nov 2026 00:01:30", "Date": DATE}, 0),
        ({"Retry-After": "Sat, 21 Nov 2026 00:01:30 GMT"}, 0),
    ],
)
def test_retry_after_is_in_seconds_or_a_date(headers: dict[str, str], expected: int) -> None:
    assert retry_after_ms(httpx.Response(429, headers=headers)) == expected


def test_the_detail_is_short_and_readable() -> None:
    outcome = by_status(httpx.Response(400, content=b"\xff" + "é".encode() * 5_000))
    assert isinstance(outcome, Rejected)
    assert len(outcome.detail) < 320
