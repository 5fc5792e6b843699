import pytest

from projections.clickhouse import queries
from projections.clickhouse.guard import read_only


def test_what_is_not_asked_for_is_no_condition() -> None:
    assert "WHERE" not in queries.summary(None, None).sql
    asked = queries.summary("spring", "n-1")
    assert "campaign = {campaign:String} AND notification_id = {notification_id:String}" in asked.sql
    assert asked.params == {"campaign": "spring", "notification_id": "n-1"}


def test_values_are_never_in_the_text() -> None:
    evil = "x' OR 1=1 --"
    for query in (
        queries.summary(evil, evil),
        queries.rates(["channel"], evil),
        queries.latency(evil, None),
        queries.funnel(evil),
        queries.counts([evil]),
    ):
        assert evil not in query.sql


@pytest.mark.parametrize("by", [[], ["user_id"], ["channel", "1; DROP"]])
def test_only_known_grains(by: list[str]) -> None:
    with pytest.raises(ValueError, match="choose from"):
        queries.rates(by, None)


def test_they_pass_the_guard() -> None:
    asked = [
        queries.summary(None, "n"), queries.reasons("c", None), queries.rates(queries.GRAINS, "c"), queries.latency(None, None),
        queries.funnel("n"), queries.expansion("n"), queries.throughput("n", 5), queries.counts(["n"]),
    ]  # fmt: skip
    assert [read_only(query.sql) for query in asked] == [query.sql for query in asked]
