"""Ids are contracts: whatever was sent, stored or counted is known by them. These values never change."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids

TEXT = st.text(max_size=20)


@pytest.mark.parametrize(
    ("made", "golden"),
    [
        (ids.notification_id("events.order#order-placed", "0d6f3f0e-8a53-4a3e-9d35-6a0d7c1f5a11"), "8eafcf6a-5e53-5eb4-9966-7800a3bf12a5"),
        (ids.notification_id("api:shop", "k-1"), "8d4edccc-289d-53f2-8fe4-f99d0fcf1eee"),
        (ids.notification_id("", ""), "f3626634-b075-5c98-88d3-1871d381bf5f"),
        (ids.notification_id("åß", "日本"), "df885114-3f66-5482-8a1a-acbb64c5b924"),
        (ids.batch_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, 3, "email"), "d8830787-c0fa-5647-9802-918750dfc915"),
        (ids.batch_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, "3", "email"), "d8830787-c0fa-5647-9802-918750dfc915"),
        (
            ids.hold_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, "3", 1732169700000, ["push", "email"], "quiet_hours"),
            "d64738f1-8209-5195-972e-593c33650e35",
        ),
        (ids.deferred_id("0d1f9b5e-43a7-5f4e-9c46-6a3f0b1f7f21", "push"), "22150b2a-7cad-5566-9aa4-660efacdbb74"),
        (ids.handed_back_id("5f1f6a0c-1b0b-5a64-8b7c-7c7f3a6f9d42"), "f2e7b984-a616-501f-aa6d-ce8ecf7b9d8a"),
        (ids.replay_id("5f1f6a0c-1b0b-5a64-8b7c-7c7f3a6f9d42", 1), "bd1c4d88-3986-52d5-aa54-d542fc2917c5"),
        (ids.status_id("5f1f6a0c-1b0b-5a64-8b7c-7c7f3a6f9d42", "suppressed"), "155c8280-cc80-53f4-bffa-8157984e62b2"),
        (ids.turn_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, "3"), "165e827d-4036-56fe-b0c1-c0fd1806fb90"),
        (ids.digest_id("u-1", "engagement", "likes:7", "8eafcf6a-5e53-5eb4-9966-7800a3bf12a5"), "babd302b-b532-5ba6-a004-086018dca082"),
        (
            ids.window_timer_id("u-1", "engagement", "likes:7", "8eafcf6a-5e53-5eb4-9966-7800a3bf12a5"),
            "deb89314-69ee-5b05-a45c-ea6861c93914",
        ),
        (ids.try_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, "email", ["u-1", "u-2"]), "080670ce-f331-5e33-a6e5-7332abb6f587"),
        (ids.overdue_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, "3", 1732169700000), "13320cd3-32cc-51b2-8b21-558beb931868"),
        (ids.schedule_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", 5, 3), "9292ce71-505c-50fe-b23b-79eb6eb66c3a"),
        (ids.message_id("8eafcf6a-5e53-5eb4-9966-7800a3bf12a5", "u-1", "email", "ann@example.org"), "b33fdaad-6bed-559d-8e60-9cb12471aaa0"),
    ],
)
def test_golden(made: str, golden: str) -> None:
    assert made == golden


@given(TEXT, TEXT, TEXT, TEXT)
def test_parts_do_not_run_into_each_other(a: str, b: str, c: str, d: str) -> None:
    assert (ids.notification_id(a, b) == ids.notification_id(c, d)) == ((a, b) == (c, d))


@given(TEXT, st.integers(0, 64), st.integers(0, 1000), TEXT)
def test_ids_of_different_kinds_differ_and_are_version_5(a: str, number: int, chunk: int, b: str) -> None:
    made = {
        ids.notification_id(a, b),
        ids.status_id(a, b),
        ids.batch_id(a, number, chunk, b),
        ids.turn_id(a, number, b),
        ids.hold_id(a, number, b, chunk, [], b),
        ids.deferred_id(a, b),
        ids.schedule_id(a, number, chunk),
        ids.message_id(a, str(number), str(chunk), b),
        ids.try_id(a, number, b, []),
        ids.overdue_id(a, number, b, chunk),
        ids.digest_id(a, str(number), str(chunk), b),
        ids.window_timer_id(a, str(number), str(chunk), b),
    }
    assert len(made) == 12
    assert {UUID(one).version for one in made} == {5}
