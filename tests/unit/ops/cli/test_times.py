import pytest

from ops.cli.times import age, clock, of_day


def test_a_time_is_shown_in_utc_with_milliseconds() -> None:
    assert clock(1_700_000_000_123) == "2023-11-14 22:13:20.123"
    assert clock(None) == "-"


@pytest.mark.parametrize(
    ("ms", "said"), [(0, "0 ms"), (999, "999 ms"), (4_200, "4.2 s"), (180_000, "3 min"), (18_000_000, "5 h"), (172_800_000, "2 d")]
)
def test_spans_are_shown_in_one_unit(ms: int, said: str) -> None:
    assert age(ms) == said


def test_minutes_of_the_day() -> None:
    assert [of_day(minute) for minute in (0, 545, 1439)] == ["00:00", "09:05", "23:59"]
