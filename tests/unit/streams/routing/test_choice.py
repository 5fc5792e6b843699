"""Which provider takes a message."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.routing.choice import order_for, provider_for

WEIGHTS = st.dictionaries(st.text(min_size=1, max_size=5), st.floats(0.01, 100), min_size=1, max_size=6)
MESSAGES = [f"m-{number}" for number in range(20_000)]


@given(st.text(), WEIGHTS)
def test_a_repetition_has_the_same_provider_however_they_are_listed(message: str, weights: dict[str, float]) -> None:
    assert provider_for(message, weights) == provider_for(message, dict(reversed(weights.items())))


@given(st.text(), WEIGHTS, st.data(), st.floats(0.01, 0.99))
def test_only_messages_of_a_provider_whose_weight_falls_move(
    message: str, weights: dict[str, float], data: st.DataObject, by: float
) -> None:
    falls = data.draw(st.sampled_from(sorted(weights)))
    before, after = provider_for(message, weights), provider_for(message, weights | {falls: weights[falls] * by})
    assert after == before or before == falls


@pytest.mark.parametrize("weights", [{"a": 1.0, "b": 1.0}, {"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 1 / 64}, {"a": 5.0, "b": 3.0, "c": 2.0}])
def test_shares_are_as_the_weights(weights: dict[str, float]) -> None:
    found, total = Counter(provider_for(message, weights) for message in MESSAGES), sum(weights.values())
    for name, weight in weights.items():
        share = weight / total
        assert abs(found[name] / len(MESSAGES) - share) < 5 * (share * (1 - share) / len(MESSAGES)) ** 0.5


def test_weight_0_is_not_used_unless_there_is_nothing_else() -> None:
    assert {provider_for(message, {"a": 0, "b": 0.1}) for message in MESSAGES[:1000]} == {"b"}
    assert {provider_for(message, {"a": 0, "b": 0}) for message in MESSAGES[:1000]} == {"a", "b"}
    with pytest.raises(ValueError, match="no provider"):
        provider_for("m", {})


@given(st.text(), WEIGHTS)
def test_the_order_begins_with_the_choice_and_has_each_once(message: str, weights: dict[str, float]) -> None:
    order = order_for(message, weights)
    assert order[0] == provider_for(message, weights)
    assert sorted(order) == sorted(weights)
