"""Rows of upstream tables to changes of profiles: with and without envelope, deletes, tombstones, NULLs, Debezium's types."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import READERS, epoch_ms, minute_of_day, strings
from schemas.errors import RecordRefused
from schemas.records import Device, ProfileChanged, QuietHours
from schemas.table_changes import NO_QUIET_HOURS, UNAVAILABLE, RowInvalid, TableMapping, profile_change

HOUR_US = 3_600_000_000
USERS = TableMapping(
    source="cdc:users",
    user_id="id",
    fields={"email": "email", "phone": "phone", "phone_verified": "verified", "language": "lang", "time_zone": "tz", "tags": "labels"},
    on_delete="user_gone",
)
PREFERENCES = TableMapping(
    source="cdc:preferences",
    user_id="user_id",
    fields={"channels": "channels", "muted_categories": "muted", "frequency_cap": "cap"},
    quiet_hours=("quiet_from", "quiet_to"),
    occurred_at="updated_at",
)
DEVICES = TableMapping(source="cdc:devices", user_id="user_id", fields={"devices": "devices"})

USER = {
    "id": 7,
    "email": "ann@example.org",
    "phone": "+4712345678",
    "verified": True,
    "lang": "nb",
    "tz": "Europe/Oslo",
    "labels": ["vip", None],
}
PREFERENCE = {
    "user_id": "u7",
    "channels": ["push", "email"],
    "muted": ["promotional"],
    "cap": 5,
    "quiet_from": 22 * HOUR_US + 1,
    "quiet_to": 7 * HOUR_US,
    "updated_at": "2024-03-01T12:00:00.129999Z",
}
SOURCE = {
    "version": "3.3.1",
    "connector": "postgresql",
    "ts_ms": 1_700_000_000_123,
    "lsn": 26_772_984,
    "table": "users",
    "snapshot": "false",
}


def enveloped(op: str, before: dict[str, Any] | None, after: dict[str, Any] | None, **source: Any) -> dict[str, Any]:
    return {"before": before, "after": after, "source": SOURCE | source, "op": op, "ts_ms": 1_700_000_000_999, "transaction": None}


def unwrapped(row: dict[str, Any], op: str = "u", **extra: Any) -> dict[str, Any]:
    return (
        row
        | {"__op": op, "__source_lsn": 26_772_984, "__source_ts_ms": 1_700_000_000_123, "__deleted": "true" if op == "d" else "false"}
        | extra
    )


CHANGED_USER = ProfileChanged(
    user_id="7",
    source="cdc:users",
    source_position=26_772_984,
    occurred_at=1_700_000_000_123,
    email="ann@example.org",
    phone="+4712345678",
    phone_verified=True,
    language="nb",
    time_zone="Europe/Oslo",
    tags=["vip"],
)


@pytest.mark.parametrize("op", ["c", "r", "u"])
def test_a_row_reads_the_same_with_and_without_its_envelope(op: str) -> None:
    assert profile_change(USERS, enveloped(op, None, USER)) == profile_change(USERS, unwrapped(USER, op)) == CHANGED_USER


def test_debezium_s_types_are_understood() -> None:
    assert profile_change(PREFERENCES, unwrapped(PREFERENCE)) == ProfileChanged(
        user_id="u7",
        source="cdc:preferences",
        source_position=26_772_984,
        occurred_at=1_709_294_400_129,
        channels=["push", "email"],
        muted_categories=["promotional"],
        frequency_cap=5,
        quiet_hours=QuietHours(22 * 60, 7 * 60),
    )


def test_devices_are_platform_and_token_and_a_token_may_hold_colons() -> None:
    change = profile_change(DEVICES, unwrapped({"user_id": "u7", "devices": ["ios:abc", "android:a:b"]}))
    assert change is not None
    assert change.devices == [Device("ios", "abc"), Device("android", "a:b")]


@pytest.mark.parametrize("value", [enveloped("d", USER, None), unwrapped(USER, "d"), unwrapped(USER, "d", __op=None)])
def test_a_deleted_user_is_gone(value: dict[str, Any]) -> None:
    assert profile_change(USERS, value) == ProfileChanged("7", "cdc:users", 26_772_984, 1_700_000_000_123, deleted=True)


def test_deleted_preferences_are_back_at_their_defaults() -> None:
    only_key = dict.fromkeys(PREFERENCE) | {"user_id": "u7"}
    assert profile_change(PREFERENCES, enveloped("d", only_key, None)) == ProfileChanged(
        user_id="u7",
        source="cdc:preferences",
        source_position=26_772_984,
        occurred_at=1_700_000_000_123,
        channels=["push", "email", "in_app"],
        muted_categories=[],
        frequency_cap=100,
        quiet_hours=NO_QUIET_HOURS,
    )


def test_a_tombstone_says_nothing_of_its_own() -> None:
    assert profile_change(USERS, None) is None


def test_null_is_the_default_and_not_unchanged() -> None:
    change = profile_change(USERS, unwrapped(dict.fromkeys(USER) | {"id": "u1"}))
    assert change is not None
    assert (change.email, change.phone, change.phone_verified, change.language, change.time_zone, change.tags) == (
        "",
        "",
        False,
        "en",
        "UTC",
        [],
    )


@pytest.mark.parametrize("column", ["quiet_from", "quiet_to"])
def test_null_quiet_hours_are_none(column: str) -> None:
    change = profile_change(PREFERENCES, unwrapped(PREFERENCE | {column: None}))
    assert change is not None
    assert change.quiet_hours == NO_QUIET_HOURS


@pytest.mark.parametrize("placeholder", [UNAVAILABLE, [UNAVAILABLE]])
def test_what_postgres_did_not_log_is_unchanged(placeholder: Any) -> None:
    change = profile_change(USERS, enveloped("u", None, USER | {"labels": placeholder}))
    assert change is not None
    assert change.tags is None


def test_the_position_is_the_lsn_else_the_time() -> None:
    without = enveloped("u", None, USER, lsn=None)
    change = profile_change(USERS, without)
    assert change is not None
    assert change.source_position == 1_700_000_000_123


@pytest.mark.parametrize(
    ("mapping", "value", "says"),
    [
        (USERS, {}, "column 'id'"),
        (USERS, unwrapped(USER | {"id": None}), "column 'id' is no user id: None"),
        (USERS, unwrapped(USER | {"id": ""}), "column 'id'"),
        (USERS, unwrapped(USER | {"id": True}), "column 'id'"),
        (USERS, USER, "no position"),
        (USERS, unwrapped(USER, __source_ts_ms=None), "no time"),
        (USERS, enveloped("t", None, None), "operation 't' without a row"),
        (USERS, enveloped("d", None, None), "operation 'd' without a row"),
        (USERS, enveloped("u", USER, None), "operation 'u' without a row"),
        (USERS, unwrapped(USER, "m"), "operation 'm' without a row"),
        (USERS, unwrapped({k: v for k, v in USER.items() if k != "email"}), "cdc:users: no column 'email'"),
        (USERS, unwrapped(USER | {"email": 5}), "column 'email': not text"),
        (USERS, unwrapped(USER | {"verified": "yes"}), "column 'verified': not a boolean"),
        (USERS, unwrapped(USER | {"labels": "vip"}), "column 'labels': not an array"),
        (USERS, unwrapped(USER | {"labels": [1]}), "column 'labels': not text"),
        (PREFERENCES, unwrapped(PREFERENCE | {"cap": "5"}), "column 'cap': not an integer"),
        (PREFERENCES, unwrapped(PREFERENCE | {"quiet_to": 25 * HOUR_US}), "column 'quiet_to': not microseconds"),
        (PREFERENCES, unwrapped(PREFERENCE | {"updated_at": "2024-03-01T12:00:00"}), "no offset"),
        (PREFERENCES, unwrapped(PREFERENCE | {"updated_at": None}), "column 'updated_at': not text"),
        (PREFERENCES, unwrapped({k: v for k, v in PREFERENCE.items() if k != "quiet_to"}), "no column 'quiet_to'"),
    ],
)
def test_what_does_not_fit_is_refused_with_table_and_column(mapping: TableMapping, value: dict[str, Any], says: str) -> None:
    with pytest.raises(RowInvalid, match=says):
        profile_change(mapping, value)


def test_a_token_is_not_in_the_error() -> None:
    with pytest.raises(RowInvalid) as refusal:
        profile_change(DEVICES, unwrapped({"user_id": "u7", "devices": ["ios:fine", "secret-token"]}))
    assert "secret-token" not in str(refusal.value)


def test_a_mapping_to_a_field_that_profiles_do_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="cdc:x: no such profile field: shoe_size"):
        TableMapping(source="cdc:x", user_id="id", fields={"shoe_size": "shoes"})


def test_every_profile_field_can_be_mapped() -> None:
    changes = set(ProfileChanged.__struct_fields__) - {"user_id", "source", "source_position", "occurred_at", "deleted"}
    assert changes == READERS.keys() | {"quiet_hours"}


@pytest.mark.parametrize(("value", "minute"), [(0, 0), (HOUR_US, 60), (HOUR_US - 1, 59), (24 * HOUR_US, 0)])
def test_minutes_of_a_day(value: int, minute: int) -> None:
    assert minute_of_day(value) == minute


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2024-03-01T12:00:00.999999Z", 1_709_294_400_999),
        ("1969-12-31T23:59:59.9Z", -100),
    ],
)
def test_iso_times(text: str, ms: int) -> None:
    assert epoch_ms(text) == ms


def test_nulls_in_arrays_say_nothing() -> None:
    assert strings(["a", None, "b"]) == ["a", "b"]


ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none() | st.text(max_size=5), max_size=3)
COLUMNS = [*USER, *PREFERENCE, "__op", "__source_lsn", "__source_ts_ms", "__deleted", "op", "source", "before", "after"]


@given(
    st.sampled_from([USERS, PREFERENCES, DEVICES]),
    st.dictionaries(st.sampled_from(COLUMNS), ANYTHING | st.dictionaries(st.sampled_from(COLUMNS), ANYTHING)),
)
def test_whatever_the_row_it_is_a_change_or_a_typed_refusal(mapping: TableMapping, row: dict[str, Any]) -> None:
    try:
        change = profile_change(mapping, row)
    except RecordRefused:
        return
    assert change is not None
    assert change.source == mapping.source
