"""Rows of upstream tables to changes of profiles: with and without envelope, deletes, tombstones, NULLs, Debezium's types."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cdc import MAX_LSN, RowInvalid
from schemas.columns import READERS, minute_of_day, strings
from schemas.errors import RecordRefused
from schemas.records import Device, ProfileChanged, ProfilesChanged, QuietHours
from schemas.table_changes import UNAVAILABLE, ElementMapping, TableMapping, profile_change
from streams.profiles.rules import FIELDS
from tests.unit.streams.make import codec

CODEC = codec()
HOUR_US = 3_600_000_000
LSN = 26_772_984
POSITION = 4 * LSN + 2
USERS = TableMapping(
    source="cdc:users",
    user_id="id",
    fields={"email": "email", "phone": "phone", "phone_verified": "verified", "language": "lang", "time_zone": "tz", "tags": "labels"},
    on_delete="user_gone",
)
PREFERENCES = TableMapping(
    source="cdc:preferences",
    user_id="user_id",
    fields={"channels": "channels", "muted_categories": "muted", "frequency_cap": "cap", "daily_digest": "digest"},
    quiet_hours=("quiet_from", "quiet_to"),
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
    "digest": 8,
}
SOURCE = {
    "version": "3.3.1",
    "connector": "postgresql",
    "ts_ms": 1_700_000_000_123,
    "lsn": LSN,
    "table": "users",
    "snapshot": "false",
}


def enveloped(op: str, before: dict[str, Any] | None, after: dict[str, Any] | None, **source: Any) -> dict[str, Any]:
    return {"before": before, "after": after, "source": SOURCE | source, "op": op, "ts_ms": 1_700_000_000_999, "transaction": None}


def unwrapped(row: dict[str, Any], op: str = "u", **extra: Any) -> dict[str, Any]:
    return (
        row | {"__op": op, "__source_lsn": LSN, "__source_ts_ms": 1_700_000_000_123, "__deleted": "true" if op == "d" else "false"} | extra
    )


CHANGED_USER = ProfileChanged(
    user_id="7",
    source="cdc:users",
    source_position=POSITION,
    occurred_at=1_700_000_000_123,
    email="ann@example.org",
    phone="+4712345678",
    phone_verified=True,
    language="nb",
    time_zone="Europe/Oslo",
    tags=["vip"],
    whole=True,
)


@pytest.mark.parametrize("op", ["c", "u"])
def test_a_row_reads_the_same_with_and_without_its_envelope(op: str) -> None:
    assert profile_change(USERS, enveloped(op, None, USER)) == profile_change(USERS, unwrapped(USER, op)) == CHANGED_USER


def test_debezium_s_types_are_understood() -> None:
    assert profile_change(PREFERENCES, unwrapped(PREFERENCE)) == ProfileChanged(
        user_id="u7",
        source="cdc:preferences",
        source_position=POSITION,
        occurred_at=1_700_000_000_123,
        channels=["push", "email"],
        muted_categories=["promotional"],
        frequency_cap=5,
        daily_digest=8,
        quiet_hours=QuietHours(22 * 60, 7 * 60),
        whole=True,
    )


def test_devices_are_platform_and_token_and_a_token_may_hold_colons() -> None:
    change = profile_change(DEVICES, unwrapped({"user_id": "u7", "devices": ["ios:abc", "android:a:b"]}))
    assert change is not None
    assert change.devices == [Device("ios", "abc"), Device("android", "a:b")]


CHATS = TableMapping(source="cdc:chats", user_id="user_id", fields={"chat": "addresses"})


@pytest.mark.parametrize(
    ("column", "chat", "reset"),
    [
        (["slack:U1", None, "webhook:https://x.example/a:b"], {"slack": "U1", "webhook": "https://x.example/a:b"}, []),
        ([], {}, []),
        (None, None, ["chat"]),
    ],
)
def test_chat_addresses_are_kind_and_address(column: Any, chat: Any, reset: list[str]) -> None:
    change = profile_change(CHATS, unwrapped({"user_id": "u7", "addresses": column}))
    assert change is not None
    assert (change.chat, change.reset) == (chat, reset)


@pytest.mark.parametrize("column", [["slack"], ["slack:"], [":secret"], ["slack:secret", "slack:other"], [7]])
def test_chat_addresses_that_can_t_be_read_are_refused_and_not_shown(column: Any) -> None:
    with pytest.raises(RowInvalid) as caught:
        profile_change(CHATS, unwrapped({"user_id": "u7", "addresses": column}))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [enveloped("d", USER, None), unwrapped(USER, "d"), unwrapped(USER, "d", __op=None)])
def test_a_deleted_user_is_gone(value: dict[str, Any]) -> None:
    assert profile_change(USERS, value) == ProfileChanged("7", "cdc:users", POSITION - 1, 1_700_000_000_123, deleted=True)


def test_deleted_preferences_are_back_at_their_defaults() -> None:
    only_key = dict.fromkeys(PREFERENCE) | {"user_id": "u7"}
    assert profile_change(PREFERENCES, enveloped("d", only_key, None)) == ProfileChanged(
        user_id="u7",
        source="cdc:preferences",
        source_position=POSITION - 1,
        occurred_at=1_700_000_000_123,
        reset=["channels", "muted_categories", "frequency_cap", "daily_digest", "quiet_hours"],
        whole=True,
    )


def test_a_tombstone_says_nothing_of_its_own() -> None:
    assert profile_change(USERS, None) is None


def test_null_is_the_default_and_not_unchanged() -> None:
    change = profile_change(USERS, unwrapped(dict.fromkeys(USER) | {"id": "u1"}))
    assert change == ProfileChanged("u1", "cdc:users", POSITION, 1_700_000_000_123, reset=[*USERS.fields], whole=True)


@pytest.mark.parametrize("column", ["quiet_from", "quiet_to"])
def test_null_quiet_hours_are_none(column: str) -> None:
    change = profile_change(PREFERENCES, unwrapped(PREFERENCE | {column: None}))
    assert change is not None
    assert (change.quiet_hours, change.reset) == (None, ["quiet_hours"])


@pytest.mark.parametrize("placeholder", [UNAVAILABLE, [UNAVAILABLE]])
def test_what_postgres_did_not_log_is_unchanged(placeholder: Any) -> None:
    change = profile_change(USERS, enveloped("u", None, USER | {"labels": placeholder}))
    assert change is not None
    assert (change.tags, change.reset, change.whole) == (None, [], False)


@pytest.mark.parametrize("form", [lambda op: enveloped(op, None, USER), lambda op: unwrapped(USER, op)], ids=["enveloped", "unwrapped"])
def test_what_a_snapshot_read_is_older_than_the_change_that_shares_its_position(form: Callable[[str], dict[str, Any]]) -> None:
    read, changed = profile_change(USERS, form("r")), profile_change(USERS, form("u"))
    assert read is not None
    assert changed == CHANGED_USER
    assert read == msgspec.structs.replace(CHANGED_USER, source_position=POSITION - 2)


def test_a_row_whose_key_changes_is_deleted_and_then_there() -> None:
    """Both are written at one LSN."""
    gone, here = profile_change(USERS, enveloped("d", USER, None)), profile_change(USERS, enveloped("c", None, USER))
    assert gone is not None
    assert here is not None
    assert gone.source_position < here.source_position


@pytest.mark.parametrize(
    ("mapping", "value", "says"),
    [
        (USERS, {}, "operation None without a row; the connector must keep op"),
        (USERS, unwrapped({}), "column 'id'"),
        (USERS, unwrapped(USER, __op=None), "the connector must keep op"),
        (USERS, unwrapped(USER, __source_lsn=None), "no position; the connector must keep source.lsn"),
        (USERS, unwrapped(USER, __source_lsn=-1), "no position"),
        (USERS, unwrapped(USER, __source_lsn=MAX_LSN + 1), "no position"),
        (USERS, enveloped("u", None, USER, lsn=None), "no position"),
        (USERS, unwrapped(USER | {"id": None}), "column 'id' is no user id: None"),
        (USERS, unwrapped(USER | {"id": ""}), "column 'id'"),
        (USERS, unwrapped(USER | {"id": True}), "column 'id'"),
        (USERS, unwrapped(USER, __source_ts_ms=None), "no time"),
        (USERS, enveloped("t", None, None), "operation 't' without a row"),
        (USERS, enveloped("d", None, None), "operation 'd' without a row"),
        (USERS, enveloped("u", USER, None), "operation 'u' without a row"),
        (USERS, unwrapped(USER, "m"), "operation 'm'"),
        (USERS, unwrapped({k: v for k, v in USER.items() if k != "email"}), "cdc:users: no column 'email'"),
        (USERS, unwrapped(USER | {"email": 5}), "column 'email': not text"),
        (USERS, unwrapped(USER | {"verified": "yes"}), "column 'verified': not a boolean"),
        (USERS, unwrapped(USER | {"labels": "vip"}), "column 'labels': not an array"),
        (USERS, unwrapped(USER | {"labels": [1]}), "column 'labels': not text"),
        (PREFERENCES, unwrapped(PREFERENCE | {"cap": "5"}), "column 'cap': not an integer"),
        (PREFERENCES, unwrapped(PREFERENCE | {"cap": 2**31}), "column 'cap': not an integer of 32 bits"),
        (PREFERENCES, unwrapped(PREFERENCE | {"digest": -(2**31) - 1}), "column 'digest': not an integer of 32 bits"),
        (PREFERENCES, unwrapped(PREFERENCE | {"quiet_to": "07:00"}), "column 'quiet_to': not a time of the day"),
        (PREFERENCES, unwrapped(PREFERENCE | {"quiet_to": 25 * HOUR_US}), "column 'quiet_to': not microseconds"),
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
    assert set(FIELDS) == READERS.keys() | {"quiet_hours"}


@pytest.mark.parametrize(("value", "minute"), [(0, 0), (HOUR_US, 60), (HOUR_US - 1, 59), (24 * HOUR_US, 0)])
def test_minutes_of_a_day(value: int, minute: int) -> None:
    assert minute_of_day(value) == minute


def test_nulls_in_arrays_say_nothing() -> None:
    assert strings(["a", None, "b"]) == ["a", "b"]


# --- tables of which a user has several rows

DEVICE_ROWS = ElementMapping(source="cdc:devices", user_id="user_id", kind="devices", element="token", about="platform")
BOUNCES = ElementMapping(source="cdc:bounces", user_id="user_id", kind="suppressed", element="address", about="why")
UNSUBSCRIBED = ElementMapping(source="cdc:unsubscribed", user_id="user_id", kind="unsubscribed", element="category")
DEVICE = {"user_id": "u7", "token": "t1", "platform": "ios"}
BOUNCE = {"user_id": "u7", "address": "a@x", "why": "complaint"}
CATEGORY = {"user_id": "u7", "category": "promotional"}


@pytest.mark.parametrize("op", ["c", "u"])
@pytest.mark.parametrize(
    ("mapping", "row", "said"),
    [
        (DEVICE_ROWS, DEVICE, {"add_devices": [Device("ios", "t1")]}),
        (BOUNCES, BOUNCE, {"suppress": {"a@x": "complaint"}}),
        (UNSUBSCRIBED, CATEGORY, {"unsubscribe": ["promotional"]}),
    ],
)
def test_a_row_adds_one(mapping: ElementMapping, row: dict[str, Any], said: dict[str, Any], op: str) -> None:
    expected = ProfileChanged("u7", mapping.source, POSITION, 1_700_000_000_123, **said)
    assert profile_change(mapping, enveloped(op, None, row)) == profile_change(mapping, unwrapped(row, op)) == expected


@pytest.mark.parametrize(
    ("mapping", "row", "said"),
    [
        (DEVICE_ROWS, DEVICE | {"platform": None}, {"remove_devices": ["t1"]}),
        (BOUNCES, BOUNCE | {"why": None}, {"unsuppress": ["a@x"]}),
        (UNSUBSCRIBED, CATEGORY, {"resubscribe": ["promotional"]}),
    ],
)
def test_a_deleted_row_takes_one_away(mapping: ElementMapping, row: dict[str, Any], said: dict[str, Any]) -> None:
    expected = ProfileChanged("u7", mapping.source, POSITION - 1, 1_700_000_000_123, **said)
    assert profile_change(mapping, enveloped("d", row, None)) == profile_change(mapping, unwrapped(row, "d")) == expected


def test_a_row_that_is_another_now_takes_away_what_it_was() -> None:
    change = profile_change(DEVICE_ROWS, enveloped("u", DEVICE | {"token": "t0"}, DEVICE))
    assert change is not None
    assert (change.add_devices, change.remove_devices) == ([Device("ios", "t1")], ["t0"])


def test_a_row_without_its_element_is_refused() -> None:
    with pytest.raises(RowInvalid, match="cdc:devices: column 'token': not text: None"):
        profile_change(DEVICE_ROWS, enveloped("d", DEVICE | {"token": None}, None))


@pytest.mark.parametrize(("kind", "about"), [("devices", ""), ("suppressed", ""), ("unsubscribed", "why")])
def test_an_element_without_what_it_is_about_is_an_error(kind: Any, about: str) -> None:
    with pytest.raises(ValueError, match="cdc:x: devices and suppressed need `about`"):
        ElementMapping(source="cdc:x", user_id="id", kind=kind, element="e", about=about)


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([2**31, 2**31 - 1])
    | st.text(max_size=5)
    | st.lists(st.none() | st.text(max_size=5), max_size=3)
)
COLUMNS = [*USER, *PREFERENCE, *DEVICE, *BOUNCE, "__op", "__source_lsn", "__source_ts_ms", "__deleted", "op", "source", "before", "after"]


@given(
    st.sampled_from([USERS, PREFERENCES, DEVICES, DEVICE_ROWS, BOUNCES, UNSUBSCRIBED]),
    st.dictionaries(st.sampled_from(COLUMNS), ANYTHING | st.dictionaries(st.sampled_from(COLUMNS), ANYTHING)),
)
def test_whatever_the_row_it_can_be_written_or_is_refused(mapping: TableMapping | ElementMapping, row: dict[str, Any]) -> None:
    try:
        change = profile_change(mapping, row)
    except RecordRefused:
        return
    assert change is not None
    assert change.source == mapping.source
    assert CODEC.decode(CODEC.encode(ProfilesChanged([change])), ProfilesChanged).changes == [change]
