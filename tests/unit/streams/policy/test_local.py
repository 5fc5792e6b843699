"""Local times: as an oracle says that looks at each minute, and on days that are worth a name."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from streams.policy.local import LONGEST_DAY_MS, all_due, local_due
from tests.generated import HISTORIES
from tests.unit.streams.policy.local_histories import run


def ms(text: str, zone: str) -> int:
    """Epoch ms of a local time; one with an offset is exact."""
    when = datetime.fromisoformat(text)
    return int((when if when.tzinfo else when.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)


def due(zone: str, time: str, not_before: str) -> str:
    """In the zone's wall clock, with its offset."""
    hour, minute = map(int, time.split(":"))
    return datetime.fromtimestamp(local_due(zone, hour * 60 + minute, ms(not_before, zone)) / 1000, ZoneInfo(zone)).isoformat()


def test_every_day_is_what_the_oracle_says() -> None:
    assert run(HISTORIES, derandomize=HISTORIES <= 1000) >= HISTORIES


@pytest.mark.parametrize(
    ("zone", "time", "not_before", "is_due"),
    [
        ("Europe/Berlin", "09:00", "2026-06-01T08:59:59.999", "2026-06-01T09:00:00+02:00"),
        ("Europe/Berlin", "09:00", "2026-06-01T09:00:00", "2026-06-01T09:00:00+02:00"),
        ("Europe/Berlin", "09:00", "2026-06-01T09:00:59", "2026-06-01T09:00:59+02:00"),
        ("Europe/Berlin", "09:00", "2026-06-01T09:01:00", "2026-06-02T09:00:00+02:00"),
        ("Europe/Berlin", "00:00", "2026-06-01T23:59:00", "2026-06-02T00:00:00+02:00"),
        ("Asia/Kathmandu", "09:00", "2026-06-01T03:14:00+00:00", "2026-06-01T09:00:00+05:45"),
        # set forward: 02:00 becomes 03:00
        ("Europe/Berlin", "02:30", "2026-03-29T01:00:00", "2026-03-29T03:00:00+02:00"),
        ("Europe/Berlin", "02:00", "2026-03-29T01:00:00", "2026-03-29T03:00:00+02:00"),
        ("Europe/Berlin", "03:00", "2026-03-29T01:00:00", "2026-03-29T03:00:00+02:00"),
        ("Europe/Berlin", "03:01", "2026-03-29T01:00:00", "2026-03-29T03:01:00+02:00"),
        ("Europe/Berlin", "01:59", "2026-03-29T01:00:00", "2026-03-29T01:59:00+01:00"),
        ("Europe/Berlin", "02:30", "2026-03-29T03:01:00", "2026-03-30T02:30:00+02:00"),
        # set back: 03:00 becomes 02:00
        ("Europe/Berlin", "02:30", "2026-10-25T01:00:00", "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", "02:30", "2026-10-25T02:31:00+02:00", "2026-10-25T02:30:00+01:00"),
        ("Europe/Berlin", "03:00", "2026-10-25T02:31:00+02:00", "2026-10-25T03:00:00+01:00"),
        ("Europe/Berlin", "02:00", "2026-10-25T02:31:00+02:00", "2026-10-25T02:00:00+01:00"),
        ("Europe/Berlin", "02:30", "2026-10-25T02:31:00+01:00", "2026-10-26T02:30:00+01:00"),
        # half an hour of summer; a day that was left out
        ("Australia/Lord_Howe", "02:15", "2026-10-04T01:00:00", "2026-10-04T02:30:00+11:00"),
        ("Pacific/Apia", "09:00", "2011-12-29T20:00:00", "2011-12-31T09:00:00+14:00"),
    ],
)
def test_days_by_name(zone: str, time: str, not_before: str, is_due: str) -> None:
    assert due(zone, time, not_before) == is_due


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc"])
def test_an_unknown_zone_is_utc(zone: str) -> None:
    assert local_due(zone, 540, ms("2026-06-01T08:00:00+00:00", "UTC")) == ms("2026-06-01T09:00:00+00:00", "UTC")


def test_by_when_all_were_due() -> None:
    assert [all_due(5, None, None), all_due(5, 9, None), all_due(9, 5, None)] == [5, 9, 9]
    assert [all_due(5, None, 540), all_due(5, 9, 540)] == [5 + LONGEST_DAY_MS, 9 + LONGEST_DAY_MS]
