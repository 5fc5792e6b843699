"""What a digest says."""

import msgspec
import pytest

from providers.content import DIGEST_VARIABLES
from schemas.records import Overrides, PushOverrides
from streams.digest.content import CANCELLED, ENDED, GONE, MEMBERS_BYTES, SEEN, actors, collapsed, made_of, member_outcome, reason_on
from streams.digest.state import SHOWN, SHOWN_BYTES, State, joined, packed, unpacked, without
from tests.unit.streams import make

T0 = make.NOW


def waiting(*told: tuple[str, dict[str, str]]) -> State:
    """A state in which these wait: actor and data of each, which are n-0, n-1, ..."""
    state = State("n-0", T0, T0)
    for number, (actor, data) in enumerate(told):
        state = joined(state, make.notification(notification_id=f"n-{number}", data=data), actor, T0 + number)
    return state


def said(state: State, why: str = ENDED) -> dict[str, str]:
    return made_of(state, "ann", "engagement", "likes", why, T0).data


@pytest.mark.parametrize(
    ("names", "more", "text"),
    [
        ([], 0, ""),
        ([], 4, ""),
        (["Ann"], 0, "Ann"),
        (["Ann"], 1, "Ann and 1 other"),
        (["Ann"], 2, "Ann and 2 others"),
        (["Ann", "Bo"], 0, "Ann and Bo"),
        (["Ann", "Bo"], 1, "Ann, Bo and 1 other"),
        (["Ann", "Bo", "Cy"], 0, "Ann, Bo and 1 other"),
        (["Ann", "Bo", "Cy", "Di", "Ed"], 0, "Ann, Bo and 3 others"),
        (["Ann", "Bo", "Cy"], 7, "Ann, Bo and 8 others"),
    ],
)
def test_actors_collapse(names: list[str], more: int, text: str) -> None:
    assert collapsed(names, more) == text


def test_who_came_last_is_named_first_and_nobody_twice() -> None:
    assert actors(waiting(("Ann", {}), ("Bo", {}), ("", {}), ("Ann", {}), ("Cy", {}), ("Bo", {}))) == ["Bo", "Cy", "Ann"]


def test_a_template_has_the_text_and_its_parts() -> None:
    data = said(waiting(("Ann", {"photo": "1", "digest_count": "x"}), ("Bo", {"photo": "2"}), ("Cy", {"photo": "2"})))
    assert msgspec.json.decode(data.pop("digest_members"))[1:] == [{"photo": "2"}, {"photo": "2"}]
    assert data == {
        "photo": "2",
        "digest_count": "3",
        "digest_actors": "Cy, Bo and 1 other",
        "digest_actor_1": "Cy",
        "digest_actor_2": "Bo",
        "digest_others": "1",
    }


@pytest.mark.parametrize("why", [CANCELLED, GONE])
def test_what_nobody_will_read_is_not_written(why: str) -> None:
    assert said(waiting(("Ann", {"photo": "1"})), why) == {"digest_count": "1"}


@pytest.mark.parametrize(("why", "told"), [(ENDED, True), (SEEN, True), (CANCELLED, False), (GONE, False)])
def test_a_digest_has_what_its_first_member_has_beside_its_text(why: str, told: bool) -> None:
    first, second = (Overrides(push=PushOverrides(thread=name)) for name in ("first", "second"))
    state = State("n-0", T0, T0)
    for number, overrides in enumerate((first, second)):
        state = joined(state, make.notification(notification_id=f"n-{number}", overrides=overrides), "", T0)
    assert made_of(unpacked(packed(state)) or state, "ann", "engagement", "likes", why, T0).overrides == (first if told else None)


def test_the_last_are_shown_as_far_as_there_is_room() -> None:
    state = waiting(*(("Ann", {"n": str(number)}) for number in range(SHOWN + 2)))
    assert [data["n"] for _, data in state.shown] == [str(number) for number in range(2, SHOWN + 2)]
    large = {"n": "ü" * (SHOWN_BYTES // 4)}
    assert len(waiting(("Ann", {"n": ""}), ("Ann", large), ("Ann", {"n": ""})).shown) == 3
    assert len(waiting(("Ann", {"n": ""}), ("Ann", large), ("Ann", large)).shown) == 1
    assert waiting(("Ann", {"n": "x" * SHOWN_BYTES})).shown == ()


def test_bytes_come_back_as_they_were() -> None:
    state = waiting(("Ann", {"n": "1"}), ("", {"n": "ü"}))
    assert unpacked(packed(state)) == state
    assert unpacked(packed(without(state, "n-1"))) == without(state, "n-1")
    assert (packed(None), unpacked(None)) == (None, None)


def test_a_member_ends_in_its_digest() -> None:
    outcome = member_outcome("d-1")
    assert (outcome.status, outcome.reason, outcome.detail) == ("digested", "", "d-1")


def test_who_was_seen_finds_it_in_the_inbox_only() -> None:
    assert [reason_on(SEEN, channel) for channel in ("push", "email", "in_app")] == ["seen", "seen", ""]
    assert [reason_on(CANCELLED, channel) for channel in ("push", "in_app")] == ["cancelled", "cancelled"]
    assert {reason_on(why, "push") for why in (ENDED, GONE)} == {""}


@pytest.mark.parametrize("names", [(), ("Ann",), ("Ann", "Bo"), ("Ann", "Bo", "Cy")])
def test_a_template_may_use_all_that_it_says_whoever_is_in_it(names: tuple[str, ...]) -> None:
    state = waiting(*[(name, {"n": "1"}) for name in names or ("",)])
    assert said(state).keys() - {"n"} == DIGEST_VARIABLES


def test_what_is_long_when_it_is_escaped_leaves_the_first_out() -> None:
    state = waiting(*[("", {"n": chr(1) * 800}) for _ in range(SHOWN)])
    told = said(state)["digest_members"]
    assert len(told) <= MEMBERS_BYTES
    assert 0 < len(msgspec.json.decode(told)) < SHOWN
