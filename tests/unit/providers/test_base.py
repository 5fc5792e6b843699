"""Declarations that cannot hold are refused; outcomes survive a journey as data."""

import msgspec
import pytest

from providers.base import Accepted, Declaration, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import DeclarationError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch_size", 0),
        ("concurrency", 0),
        ("timeout_ms", 0),
        ("connect_timeout_ms", -1),
        ("connect_timeout_ms", 10_000),
        ("rate_per_s", 0),
    ],
)
def test_impossible_numbers_are_refused(field: str, value: int) -> None:
    with pytest.raises(DeclarationError, match=f"p: {field} must be"):
        Declaration(name="p", channel="push", **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "outcome",
    [Accepted("id"), Rejected("gone", "410", address_dead=True), Throttled(5, "slow"), Unavailable("no"), Unknown("?")],
)
def test_an_outcome_says_what_it_is_when_encoded(outcome: Outcome) -> None:
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
