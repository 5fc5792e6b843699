"""How changes become a profile, in every order in which they can come."""

from typing import Any

import pytest
from hypothesis import given, settings

from schemas.partition import partition_of
from schemas.records import Device, Profile, ProfileChanged, QuietHours
from streams.profiles.rules import DEFAULT_CHANNELS, FIELDS, Remains, User, WrongPartitionError, check_partition, fold
from tests.unit.streams.make import NOW, change, profile
from tests.unit.streams.profiles.histories import History, check, histories
from tests.unit.streams.profiles.oracle import DEFAULTS

PHONE, BROWSER = Device("ios", "t1"), Device("web", "t2")


def fold_all(*changes: ProfileChanged, user: User | None = None) -> User:
    """All that was said, one record after the other."""
    user = user or User()
    for offset, each in enumerate(changes):
        user = fold(user, each, offset)
    return user


def made(*changes: ProfileChanged, user: User | None = None) -> Profile:
    """The profile of one who is there after all."""
    found = fold_all(*changes, user=user).profile
    assert found is not None
    return found


@settings(max_examples=1000, deadline=None)
@given(histories())
def test_the_profile_is_what_the_oracle_says(history: History) -> None:
    """`tests.histories` plays 100,000 of these."""
    check(history)


def test_a_new_user_has_the_default_channels() -> None:
    one = made(change(email="a@example.com"))
    assert (one.user_id, one.channels, one.email, one.applied_offset) == ("ann", list(DEFAULT_CHANNELS), "a@example.com", 0)


def test_the_defaults_are_those_of_a_profile() -> None:
    one = made(change(reset=list(FIELDS)), user=User(profile(tags=["x"], daily_digest=8, quiet_hours=QuietHours(1, 2))))
    assert {name: getattr(one, name) for name in FIELDS} == DEFAULTS


def test_what_a_change_does_not_name_stays() -> None:
    one = made(change(tags=[]), user=User(profile(language="de", tags=["x"], quiet_hours=QuietHours(1, 2))))
    assert (one.tags, one.language, one.email, one.quiet_hours) == ([], "de", "ann@example.com", QuietHours(1, 2))


def test_an_empty_value_is_a_value() -> None:
    one = made(change(email="", channels=[], phone_verified=False), user=User(profile()))
    assert (one.email, one.channels, one.phone_verified) == ("", [], False)


@pytest.mark.parametrize("source", ["api", "cdc:preferences"])
def test_no_quiet_hours_and_no_digest_can_be_said(source: str) -> None:
    before = User(profile(quiet_hours=QuietHours(1320, 420), daily_digest=8))
    one = made(change(source=source, reset=["quiet_hours", "daily_digest"]), user=before)
    assert (one.quiet_hours, one.daily_digest) == (None, None)


def test_a_value_counts_before_a_reset_of_the_same() -> None:
    assert made(change(reset=["quiet_hours"], quiet_hours=QuietHours(1, 2))).quiet_hours == QuietHours(1, 2)


def test_time_does_not_run_back() -> None:
    assert made(change(), user=User(profile(updated_at=NOW + 5))).updated_at == NOW + 5


# --- one of several


def test_devices_come_and_go_one_by_one() -> None:
    one = made(change(add_devices=[PHONE]), change(position=1, add_devices=[BROWSER]), change(source="feedback", remove_devices=["t1"]))
    assert one.devices == [BROWSER]


def test_a_token_is_one_device() -> None:
    one = made(change(devices=[PHONE, BROWSER]), change(position=1, add_devices=[Device("android", "t1")]))
    assert one.devices == [BROWSER, Device("android", "t1")]
    assert made(change(position=2, add_devices=[BROWSER]), user=User(one)).devices == one.devices


def test_addresses_are_suppressed_and_released_one_by_one() -> None:
    both = change(source="feedback", suppress={"a@x": "hard_bounce", "+47": "stop"})
    assert made(both).suppressed == {"a@x": "hard_bounce", "+47": "stop"}
    assert made(both, change(unsuppress=["a@x"])).suppressed == {"+47": "stop"}
    assert made(both, change(source="feedback", position=1, suppress={"a@x": "complaint"})).suppressed["a@x"] == "complaint"


def test_categories_are_unsubscribed_one_by_one() -> None:
    one = made(change(unsubscribe=["promotional"]), change(position=1, unsubscribe=["engagement"], resubscribe=["promotional"]))
    assert one.unsubscribed == ["engagement"]


@pytest.mark.parametrize(
    ("both", "field", "left"),
    [
        ({"add_devices": [PHONE], "remove_devices": ["t1"]}, "devices", []),
        ({"suppress": {"a@x": "stop"}, "unsuppress": ["a@x"]}, "suppressed", {"a@x": "stop"}),
        ({"unsubscribe": ["promotional"], "resubscribe": ["promotional"]}, "unsubscribed", ["promotional"]),
    ],
)
def test_of_a_contradiction_what_leads_to_fewer_messages_counts(both: dict[str, Any], field: str, left: object) -> None:
    assert getattr(made(change(**both)), field) == left


def test_feedback_that_comes_in_another_order_is_not_lost() -> None:
    """Providers' webhooks have no order: a complaint about one address does not make a STOP of another old."""
    one = made(
        change(source="feedback", position=9, suppress={"a@x": "complaint"}),
        change(source="feedback", position=8, suppress={"+47": "stop"}),
    )
    assert one.suppressed == {"a@x": "complaint", "+47": "stop"}


# --- order


def test_an_older_change_of_the_same_source_changes_nothing() -> None:
    known = fold_all(change(position=5, email="new@example.com"))
    assert fold(known, change(position=4, email="old@example.com"), 1) is known
    assert fold(known, change(position=4, deleted=True), 1) is known


def test_an_opt_out_that_comes_late_counts_when_nothing_newer_was_said_of_it() -> None:
    one = made(change(position=6, language="de"), change(position=5, channels=[], language="nb"))
    assert (one.channels, one.language) == ([], "de")


def test_what_comes_again_does_not_undo_what_another_source_said_since() -> None:
    row = change(source="cdc:users", position=1, channels=["push"], whole=True)
    known = fold_all(row, change(source="api", channels=[]))
    assert fold(known, row, 2) is known


def test_a_change_that_comes_again_corrected_says_only_what_was_left_out() -> None:
    known = fold_all(change(source="cdc:users", position=5, channels=["push"]), change(source="api", channels=[]))
    one = made(change(source="cdc:users", position=5, channels=["push"], time_zone="Europe/Oslo", whole=True), user=known)
    assert (one.channels, one.time_zone) == ([], "Europe/Oslo")


def test_nothing_older_than_a_whole_row_counts() -> None:
    known = fold_all(change(source="cdc:t", position=5, email="a@x", whole=True))
    assert fold(known, change(source="cdc:t", position=4, tags=["old"]), 1) is known
    assert known.positions == {"cdc:t": 5}


def test_a_whole_row_that_comes_late_with_nothing_new_ends_what_is_older_still() -> None:
    known = fold_all(change(position=5, email="a@x"), change(position=4, email="b@x", whole=True))
    assert fold(known, change(position=3, tags=["old"]), 2) is known


def test_sources_count_apart() -> None:
    one = made(change(source="api", position=100), change(source="cdc", position=1, email="cdc@example.com"))
    assert one.email == "cdc@example.com"
    assert (one.source_positions["api"], one.source_positions["cdc"]) == (100, 1)


def test_a_profile_of_an_earlier_version_knows_what_is_old() -> None:
    """It has one position of each source, and whatever is older was ignored."""
    known = User(profile(source_positions={"api": 5}))
    assert fold(known, change(position=5, channels=[]), 9) is known
    assert made(change(position=6, channels=[]), user=known).channels == []


# --- deletion


def test_a_deleted_user_leaves_ids_and_positions() -> None:
    gone = fold_all(
        change(source="api", position=7, add_devices=[PHONE], email="ann@example.com"),
        change(source="cdc:users", position=5, deleted=True),
    )
    assert gone == User(None, Remains({"cdc:users": NOW}, {"api": 7, "cdc:users": 5}))


@pytest.mark.parametrize("old", [change(position=7, tags=["old"]), change(source="cdc:users", position=4, email="old@x", whole=True)])
def test_an_old_change_brings_nobody_back(old: ProfileChanged) -> None:
    gone = fold_all(change(source="api", position=7), change(source="cdc:users", position=5, deleted=True))
    assert fold(gone, old, 2) is gone


def test_a_row_that_is_inserted_again_begins_with_nothing() -> None:
    one = made(
        change(source="api", email="old@x", unsubscribe=["promotional"]),
        change(source="cdc:users", position=5, deleted=True),
        change(source="cdc:users", position=7, tags=["new"], whole=True),
    )
    assert (one.tags, one.email, one.unsubscribed) == (["new"], "", [])
    assert one.source_positions == {"api": 0, "cdc:users": 7}


def test_a_deletion_is_known_before_what_it_deletes() -> None:
    gone = fold_all(change(source="cdc:users", position=5, deleted=True))
    assert gone.profile is None
    assert fold(gone, change(source="cdc:users", position=4, tags=["old"], whole=True), 1) is gone


def test_rows_of_other_tables_that_went_with_the_user_bring_nobody_back() -> None:
    """One transaction deletes them all, and the tables' topics have no order between them."""
    gone = fold_all(
        change(source="cdc:users", position=5, deleted=True), change(source="cdc:preferences", position=6, reset=["channels"], whole=True)
    )
    assert gone.profile is None


def test_another_source_may_bring_back_who_was_deleted_before_it_spoke() -> None:
    deleted = change(source="cdc:users", position=5, deleted=True)
    assert fold_all(deleted, change(position=1, channels=["push"])).profile is None
    assert made(deleted, change(position=1, channels=[], occurred_at=NOW + 1)).channels == []


def test_an_opt_out_of_one_who_is_there_again_counts_whatever_its_clock_says() -> None:
    one = made(
        change(source="cdc:users", position=5, deleted=True),
        change(source="cdc:users", position=7, whole=True),
        change(position=1, channels=[], occurred_at=NOW - 60_000),
    )
    assert one.channels == []


def test_a_row_that_went_with_the_user_does_not_delete_who_is_there_again() -> None:
    back = fold_all(change(source="cdc:users", position=5, deleted=True), change(source="cdc:users", position=7, whole=True))
    assert fold(back, change(source="cdc:accounts", position=6, deleted=True), 2) is back


@pytest.mark.parametrize(
    "said", [{"remove_devices": ["t1"]}, {"suppress": {"a@x": "stop"}}, {"unsubscribe": ["promotional"]}, {"reset": ["channels"]}]
)
def test_what_takes_away_brings_nobody_back_and_is_not_new_when_it_comes_again(said: dict[str, Any]) -> None:
    feedback = change(source="feedback", position=3, occurred_at=NOW + 9, **said)
    gone = fold_all(change(source="cdc:users", position=5, deleted=True), feedback)
    assert (gone.profile, gone.positions) == (None, {"cdc:users": 5, "feedback": 3})
    back = fold_all(change(source="cdc:users", position=7, whole=True), user=gone)
    assert back.profile is not None
    assert fold(back, feedback, 9) is back


@pytest.mark.parametrize("user", ["ann", "bob", "", "å"])
def test_users_live_in_one_partition(user: str) -> None:
    home = partition_of(user, 8)
    check_partition(user, home, 8)
    with pytest.raises(WrongPartitionError, match=f"lives in partition {home}, not {(home + 1) % 8}"):
        check_partition(user, (home + 1) % 8, 8)
