"""The oracle's own fold of profile events against ours: whatever is told late or twice, both come to the same."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Device, Profile, ProfileChanged, ProfilesChanged
from schemas.topics import PROFILE_EVENTS, PROFILES, STATUS
from streams.profiles.rules import User, fold
from tests.faults.log import Entry
from tests.faults.oracle import Verdict
from tests.faults.profiles import judge_profiles

TOKENS = ("t0", "t1")
LOADED = ProfileChanged("u", "load", 0, 0, channels=["push"], email="u@x", devices=[Device("ios", token) for token in TOKENS])

muted = st.builds(
    lambda position, categories: ProfileChanged("u", "load", position, position, muted_categories=categories),
    st.integers(1, 30),
    st.lists(st.sampled_from(["a", "b"]), unique=True),
)
dead_device = st.builds(
    lambda at, token: ProfileChanged("u", "delivery", at, at, remove_devices=[token], suppress={token: "dead_token"}),
    st.integers(1, 9),
    st.sampled_from(TOKENS),
)
bounced = st.builds(lambda at: ProfileChanged("u", "delivery", at, at, suppress={"u@x": "hard_bounce"}), st.integers(1, 9))


def judged(changes: Sequence[ProfileChanged], profile: Profile | None) -> Verdict:
    """The verdict when these are told, and that is what came of them."""
    verdict = Verdict()
    told = [Entry(PROFILE_EVENTS, 0, number, 0, b"u", None, ProfilesChanged([change])) for number, change in enumerate(changes)]
    made = [] if profile is None else [Entry(PROFILES, 0, 0, 0, b"u", None, profile)]
    judge_profiles({PROFILE_EVENTS: told, PROFILES: made, STATUS: []}, verdict)
    return verdict


def made_of(changes: Sequence[ProfileChanged]) -> Profile | None:
    """What ours makes of them."""
    user = User()
    for offset, change in enumerate(changes):
        user = fold(user, change, offset)
    return user.profile


@given(st.lists(st.one_of(dead_device, bounced), max_size=6), st.lists(muted, max_size=3, unique_by=lambda one: one.source_position))
def test_both_come_to_the_same(dead: list[ProfileChanged], muted: list[ProfileChanged]) -> None:
    changes = [LOADED, *dead[:3], *muted, *dead[3:], *dead[:1]]
    assert judged(changes, made_of(changes)).wrong == {}


def test_what_is_told_late_counts_when_it_is_of_another_address() -> None:
    """A worker that was killed tells of an end, after another that came later, when it is back."""
    push = ProfileChanged("u", "delivery", 9, 9, remove_devices=["t0"], suppress={"t0": "dead_token"})
    late = ProfileChanged("u", "delivery", 5, 5, suppress={"u@x": "hard_bounce"})
    profile = made_of([LOADED, push, late])
    assert profile is not None
    assert profile.suppressed == {"t0": "dead_token", "u@x": "hard_bounce"}
    assert judged([LOADED, push, late], profile).wrong == {}


def test_what_is_missing_is_found() -> None:
    push = ProfileChanged("u", "delivery", 9, 9, remove_devices=["t0"], suppress={"t0": "dead_token"})
    assert judged([LOADED, push], made_of([LOADED])).wrong == {"profiles unlike their events": 1}
    assert judged([LOADED], None).wrong == {"profiles unlike their events": 1}
    assert judged([ProfileChanged("u", "load", 0, 0)], None).wrong == {"profiles unlike their events": 1}, "who says nothing is somebody"
