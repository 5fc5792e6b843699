"""Quiet hours: as an oracle says that looks at each minute, and in nights that are worth a name."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from schemas.records import QuietHours
from streams.policy.quiet import quiet_until, release_at
from tests.generated import HISTORIES
from tests.unit.streams.policy.quiet_histories import run

NIGHT = QuietHours(22 * 60, 7 * 60)
MINUTE_MS = 60_000


def ms(text: str, zone: str = "UTC") -> int:
    """Epoch ms of a local time; one with an offset is exact."""
    when = datetime.fromisoformat(text)
    return int((when if when.tzinfo else when.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)


def until(zone: str, window: QuietHours | None, now: str) -> str | None:
    """In the zone's wall clock, with its offset."""
    found = quiet_until(zone, window, ms(now, zone))
    return None if found is None else datetime.fromtimestamp(found / 1000, ZoneInfo(zone)).isoformat()


def test_every_night_is_what_the_oracle_says() -> None:
    assert run(HISTORIES, derandomize=HISTORIES <= 1000) >= HISTORIES


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-01-10T21:59:59.999", None),
        ("2026-01-10T22:00", "2026-01-11T07:00:00+01:00"),
        ("2026-01-11T00:00", "2026-01-11T07:00:00+01:00"),
        ("2026-01-11T06:59:59.999", "2026-01-11T07:00:00+01:00"),
        ("2026-01-11T07:00", None),
    ],
)
def test_over_midnight_its_start_is_in_it_and_its_end_is_not(now: str, ends: str | None) -> None:
    assert until("Europe/Berlin", NIGHT, now) == ends


def test_in_the_middle_of_a_day() -> None:
    assert until("Asia/Kathmandu", QuietHours(13 * 60, 15 * 60), "2026-01-10T14:30") == "2026-01-10T15:00:00+05:45"
    assert until("Asia/Kathmandu", QuietHours(13 * 60, 15 * 60), "2026-01-10T15:30") is None


def test_who_wants_none_has_none() -> None:
    assert until("Europe/Berlin", None, "2026-01-10T23:00") is None
    assert until("Europe/Berlin", QuietHours(60, 60), "2026-01-10T01:00") is None
    assert until("Europe/Berlin", QuietHours(0, 1440), "2026-01-10T01:00") is None


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("start", "end", "now", "ends"),
    [
        # 2026-03-29: 02:00 becomes 03:00
        ("22:00", "02:30", "2026-03-29T01:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("22:00", "03:00", "2026-03-29T01:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("22:00", "07:00", "2026-03-29T01:00+01:00", "2026-03-29T07:00:00+02:00"),
        ("02:15", "02:45", "2026-03-29T01:59:59+01:00", None),
        ("02:15", "04:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00:00+02:00"),
        # 2026-10-25: 03:00 becomes 02:00
        ("22:00", "07:00", "2026-10-25T02:30+02:00", "2026-10-25T07:00:00+01:00"),
        ("22:00", "03:00", "2026-10-25T02:59+02:00", "2026-10-25T03:00:00+01:00"),
        ("22:00", "02:30", "2026-10-25T01:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("22:00", "02:30", "2026-10-25T02:45+02:00", None),
        ("22:00", "02:30", "2026-10-25T02:00+01:00", "2026-10-25T02:30:00+01:00"),
        ("02:30", "07:00", "2026-10-25T02:45+02:00", "2026-10-25T02:00:00+01:00"),
    ],
)
def test_nights_in_which_the_clock_is_set(start: str, end: str, now: str, ends: str | None) -> None:
    window = QuietHours(*(int(each[:2]) * 60 + int(each[3:]) for each in (start, end)))
    assert until(BERLIN, window, now) == ends


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "America", "a\0b", "europe/berlin ", "x" * 300])
def test_a_zone_nobody_knows_is_utc(zone: str) -> None:
    assert quiet_until(zone, NIGHT, ms("2026-01-10T23:00")) == ms("2026-01-11T07:00")
    assert quiet_until(zone, NIGHT, ms("2026-01-10T12:00")) is None


def test_an_answer_that_is_remembered_is_only_for_its_time() -> None:
    asked = [ms("2026-01-10T12:00") + hours * 3_600_000 for hours in (0, 12, 1, 11, 36, 0, 13)]
    zone = timezone(timedelta(hours=9))
    for now in asked:
        hour = datetime.fromtimestamp(now / 1000, zone).hour
        assert (quiet_until("Asia/Tokyo", NIGHT, now) is not None) == (hour >= 22 or hour < 7)


def test_more_windows_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.policy.quiet._SPANS", 10)
    now = ms("2026-01-10T12:00")
    ends = [quiet_until("UTC", QuietHours(11 * 60, 13 * 60 + minute), now) for minute in (*range(60), *range(60))]
    assert ends == [ms("2026-01-10T13:00") + minute * MINUTE_MS for minute in (*range(60), *range(60))]


SEVEN = int(datetime(2026, 1, 11, 7, tzinfo=UTC).timestamp() * 1000)


def test_seven_o_clock_is_no_stampede() -> None:
    seconds = [(found - SEVEN) / 1000 for n in range(9000) if (found := release_at(SEVEN, NIGHT, 900_000, f"hold-{n}", None)) is not None]
    assert len(seconds) == 9000
    assert set(seconds) == set(range(900))
    assert max(map(seconds.count, range(900))) < 40  # ten on average


@pytest.mark.parametrize(("left_ms", "latest_ms"), [(1, 0), (1000, 0), (1001, 0), (2000, 1000), (10_000, 9000), (10**9, 899_000)])
def test_all_are_released_before_they_expire(left_ms: int, latest_ms: int) -> None:
    found = {release_at(SEVEN, NIGHT, 900_000, f"hold-{n}", SEVEN + left_ms) for n in range(5000)}
    assert max(at for at in found if at is not None) == SEVEN + latest_ms
    assert None not in found


def test_what_expires_before_the_end_is_not_released() -> None:
    assert release_at(SEVEN, NIGHT, 900_000, "hold", SEVEN) is None
    assert release_at(SEVEN, NIGHT, 900_000, "hold", SEVEN - 1) is None


def test_who_is_awake_for_a_minute_is_told_in_that_minute() -> None:
    found = [release_at(SEVEN, QuietHours(7 * 60 + 1, 7 * 60), 900_000, f"hold-{n}", None) for n in range(500)]
    assert {(at - SEVEN) // MINUTE_MS for at in found if at is not None} == {0}


def test_without_a_spread_all_come_at_once() -> None:
    assert {release_at(SEVEN, NIGHT, 0, f"hold-{n}", None) for n in range(10)} == {SEVEN}
