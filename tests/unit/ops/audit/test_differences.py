"""Stores are held against the log: all that there is time for, exact, a page at a time."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.audit.differences import PAGE_RECIPIENTS, Ask, compare
from ops.audit.report import SHOWN_PER_KIND, ChannelSums, Compared, NotificationSums, Report
from ops.cli.audited import compared

Figures = dict[str, dict[str, dict[str, int]]]


def log_of(figures: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Report:
    """A log with these recipients by notification, channel and status."""
    report = Report()
    for name, channels in figures.items():
        sums = {channel: ChannelSums(sum(counts.values()), dict(counts)) for channel, counts in channels.items()}
        report.notifications[name] = NotificationSums(name, True, sums)
    return report


def of(figures: Figures, asked: list[list[str]] | None = None) -> Ask:
    """A store with these figures, that keeps what it was asked."""

    def ask(some: Sequence[str]) -> Figures:
        if asked is not None:
            asked.append(list(some))
        return {name: figures[name] for name in some if name in figures}

    return ask


def always() -> bool:
    return True


ONE: Figures = {"n": {"push": {"sent": 8, "failed": 2}, "email": {"sent": 5}}}


def test_a_store_that_agrees() -> None:
    report = log_of(ONE)
    assert compare(report, "cassandra", of(ONE), 10, always) == Compared(1, 15)
    assert compared(report.stores["cassandra"]) == "1 notifications, 15 recipients by channel and status; exact to one"
    assert report.green


@pytest.mark.parametrize(
    ("stored", "behind"),
    [
        ({}, 15),
        ({"n": {}}, 15),
        ({"n": {"push": {"sent": 8, "failed": 2}}}, 5),
        ({"n": {"push": {"sent": 6, "failed": 2}, "email": {"sent": 5}}}, 2),
    ],
)
def test_a_store_that_is_behind_is_no_violation(stored: Figures, behind: int) -> None:
    report = log_of(ONE)
    assert compare(report, "cassandra", of(stored), 10, always).behind == behind
    assert report.green
    assert f"{behind} recipients not there yet" in compared(report.stores["cassandra"])
    assert "exact" not in compared(report.stores["cassandra"])


@pytest.mark.parametrize(
    "channels",
    [
        {"push": {"sent": 9, "failed": 2}, "email": {"sent": 5}},
        {"push": {"sent": 7, "failed": 3}, "email": {"sent": 5}},
        {"push": {"sent": 8, "failed": 2, "unknown": 1}, "email": {"sent": 5}},
        {"push": {"sent": 8, "failed": 2}, "email": {"sent": 5}, "sms": {"sent": 1}},
    ],
)
def test_a_store_that_has_more_or_other_is(channels: dict[str, dict[str, int]]) -> None:
    report = log_of(ONE)
    compare(report, "clickhouse", of({"n": channels}), 10, always)
    assert report.counts == {"clickhouse_differs": 1}
    assert "1 channels differ" in compared(report.stores["clickhouse"])
    assert "exact" not in compared(report.stores["clickhouse"])


def test_all_that_differ_are_counted_and_some_are_named() -> None:
    many = SHOWN_PER_KIND + 5
    report = log_of({f"n-{number}": {"push": {"sent": 1}} for number in range(many)})
    compare(report, "cassandra", of({f"n-{number}": {"push": {"sent": 2}} for number in range(many)}), 100, always)
    assert report.counts == {"cassandra_differs": many}
    assert len(report.violations) == SHOWN_PER_KIND


def test_what_there_is_no_time_for_is_said() -> None:
    figures: Figures = {f"n-{number}": {"push": {"sent": number + 1}} for number in range(10)}
    report, asked = log_of(figures), list[list[str]]()
    times = iter([True, True, False])
    done = compare(report, "cassandra", of(figures, asked), 3, lambda: next(times))
    assert asked == [["n-9", "n-8", "n-7"], ["n-6", "n-5", "n-4"]]  # who was told most is compared first
    assert done == Compared(6, 45, 4, 10)
    assert compared(done).endswith("exact to one; NOT COMPARED: 4 notifications, 10 recipients; no time for more")


def test_a_page_holds_no_more_than_it_may() -> None:
    large = PAGE_RECIPIENTS // 2
    figures: Figures = {f"n-{number}": {"push": {"sent": large + number}} for number in range(3)} | {"tiny": {"push": {"sent": 1}}}
    asked: list[list[str]] = []
    compare(log_of(figures), "cassandra", of(figures, asked), 10, always)
    assert asked == [["n-2"], ["n-1"], ["n-0", "tiny"]]


def test_what_was_compared_before_a_store_went_away_is_said() -> None:
    figures: Figures = {f"n-{number}": {"push": {"sent": 1}} for number in range(4)}
    report, times = log_of(figures), iter([True, True])

    def ask(some: Sequence[str]) -> Figures:
        if "n-2" in some:
            raise OSError("gone")
        return {name: figures[name] for name in some}

    with pytest.raises(OSError, match="gone"):
        compare(report, "cassandra", ask, 2, lambda: next(times))
    report.stores["cassandra"].error = "gone"
    assert compared(report.stores["cassandra"]).endswith("exact to one; NOT COMPARED: 2 notifications, 2 recipients; gone")


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 2 * PAGE_RECIPIENTS), max_size=30), st.integers(1, 7))
def test_every_notification_is_asked_for_once(sizes: dict[str, int], page: int) -> None:
    figures: Figures = {name: {"push": {"sent": count}} for name, count in sizes.items()}
    asked: list[list[str]] = []
    done = compare(log_of(figures), "cassandra", of(figures, asked), page, always)
    assert sorted(name for some in asked for name in some) == sorted(sizes)
    assert all(len(some) <= page and (len(some) == 1 or sum(sizes[name] for name in some) <= PAGE_RECIPIENTS) for some in asked)
    assert done == Compared(len(sizes), sum(sizes.values()))


def test_that_somebody_was_held_is_no_end_to_compare() -> None:
    report = log_of(ONE)
    compare(report, "clickhouse", of({"n": {"push": {**ONE["n"]["push"], "deferred": 4}, "email": {"sent": 5}}}), 10, always)
    assert report.green
