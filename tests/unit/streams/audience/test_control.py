"""What commands make of a campaign's state: alike in whatever order they come and however often; and what waits is in one place."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import ControlCampaign
from streams.audience.control import (
    AHEAD_MS,
    CANCELLED,
    MAX_ID_BYTES,
    PAUSED,
    RUNNING,
    UNCONTROLLED,
    Campaign,
    ControlInvalid,
    check,
    controlled,
    decided,
    held,
    owed,
)
from tests.unit.streams.make import NOW, control

commands = st.builds(
    control,
    st.sampled_from(["pause", "resume", "cancel", "rate"]),
    st.integers(NOW, NOW + 3),
    st.sampled_from(["a", "b", "c"]),
    per_second=st.integers(0, 3),
)


def after(*told: ControlCampaign) -> Campaign:
    state = UNCONTROLLED
    for one in told:
        state = controlled(state, one)
    return state


def judged(told: list[ControlCampaign]) -> tuple[str, int]:
    """The state and the rate, said in the plainest way."""
    if any(one.action == "cancel" for one in told):
        return CANCELLED, -1
    switches = sorted((one.at, one.command_id, one.action) for one in told if one.action != "rate")
    rates = sorted((one.at, one.command_id, one.per_second) for one in told if one.action == "rate")
    return {"pause": PAUSED, "resume": RUNNING}[switches[-1][2]] if switches else RUNNING, rates[-1][2] if rates else 0


def unlike(told: list[ControlCampaign]) -> list[ControlCampaign]:
    """One of each id and time: no two commands share them."""
    return list({(one.at, one.command_id): one for one in told}.values())


@given(st.lists(commands, max_size=5).map(unlike), st.data())
def test_the_end_is_the_same_in_any_order_and_with_repetitions(told: list[ControlCampaign], data: st.DataObject) -> None:
    expected = judged(told)
    for _ in range(3):
        shuffled = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=3) if told else st.just([]))))
        state = after(*shuffled)
        assert (state.state, -1 if state.state == CANCELLED else state.per_second) == expected


def test_the_younger_counts() -> None:
    for one, two in permutations([control("pause", NOW), control("resume", NOW + 1)]):
        assert after(one, two).state == RUNNING
    assert after(control("resume", NOW), control("pause", NOW + 1)).state == PAUSED


def test_cancel_is_the_end_whenever_it_was_asked_for() -> None:
    gone = after(control("pause", NOW + 5), control("cancel", NOW))
    assert gone.state == CANCELLED
    for late in ("pause", "resume", "rate", "cancel"):
        assert controlled(gone, control(late, NOW + 9, per_second=7)) is gone


def test_pausing_leaves_the_rate_and_the_other_way_round() -> None:
    state = after(control("rate", NOW + 2, per_second=5), control("pause", NOW), control("rate", NOW + 1, per_second=9))
    assert (state.state, state.per_second) == (PAUSED, 5)


def test_a_repetition_is_the_very_same_state() -> None:
    state = after(control("rate", NOW, per_second=5), control("pause", NOW + 1))
    assert controlled(state, control("pause", NOW + 1)) is state
    assert controlled(state, control("rate", NOW, per_second=5)) is state


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"action": "halt"}, "no action 'halt'; there are pause, resume, cancel, rate"),
        ({"action": ""}, "no action ''"),
        ({"notification_id": ""}, "a notification_id of 0 bytes"),
        ({"command_id": "x" * (MAX_ID_BYTES + 1)}, "a command_id of 257 bytes"),
        ({"action": "rate", "per_second": -1}, "-1 a second"),
        ({"at": -1}, "asked for at -1 ms"),
        ({"at": NOW + AHEAD_MS + 1}, "ahead at most"),
    ],
)
def test_what_can_not_be_obeyed_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ControlInvalid, match=said) as refusal:
        check(msgspec.structs.replace(control("pause"), **changed), NOW)
    assert refusal.value.reason == "control_invalid"


@pytest.mark.parametrize("at", [-1, NOW + 1000 * AHEAD_MS])
def test_a_cancel_is_obeyed_whatever_the_clocks_say(at: int) -> None:
    check(control("cancel", at), NOW)


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "rate"])
def test_what_can_be_obeyed_is_not(action: str) -> None:
    check(control(action, NOW + AHEAD_MS, command_id="x" * MAX_ID_BYTES), NOW)


@given(st.lists(st.tuples(st.sampled_from([held, owed, decided]), st.sampled_from("012"))))
def test_a_command_waits_in_one_place_or_none(moves: list[tuple[Any, str]]) -> None:
    state, last = UNCONTROLLED, dict[str, Any]()
    for move, mark in moves:
        state = move(state, mark)
        last[mark] = move
    assert sorted(state.held) == sorted(mark for mark, move in last.items() if move is held)
    assert sorted(state.owed) == sorted(mark for mark, move in last.items() if move is owed)
    assert {mark for mark in "012" if state.waits(mark)} == {*state.held, *state.owed}


def test_what_is_held_is_in_the_order_it_came() -> None:
    state = held(held(held(UNCONTROLLED, "3"), "4"), "5")
    assert state.held == ("3", "4", "5")
    assert held(owed(state, "3"), "3").held == ("4", "5", "3")


def test_nothing_changes_when_what_was_not_waiting_is_decided() -> None:
    assert decided(UNCONTROLLED, "0") is UNCONTROLLED


@given(
    st.builds(
        Campaign, state=st.sampled_from([RUNNING, PAUSED]), held=st.lists(st.text(max_size=3)).map(tuple), next_at=st.integers(0, NOW)
    )
)
def test_the_state_comes_back_from_the_table(state: Campaign) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Campaign) == state
