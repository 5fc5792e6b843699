"""How old may the profile of a send be? What is over the bound is a violation, what is within it is counted."""

import pytest
from rich.console import Console

from ops.audit.report import Behind, Report
from ops.cli.audited import document, rendered
from schemas.topics import PROFILES
from tests.unit.ops.audit.test_terms import LEDGER, last_status
from tests.unit.ops.audit.world import T0, consistent, judge

INTENT = T0 + 4000
DECISION = T0 + 3000


def changed_before_intent(age_ms: int, **terms: object) -> Report:
    """The report when the profile of a user who was sent to had changed `age_ms` before the intent."""
    world = consistent()
    world.write(PROFILES, 1, INTENT - age_ms, last_status(world, 1).record.users[0], "changed")
    return judge(world, **terms)


@pytest.mark.parametrize("bound_ms", [0, 500, 1000])
@pytest.mark.parametrize("over_ms", [1, 2, 400])
def test_a_profile_further_behind_the_intent_than_the_bound_is_stale(bound_ms: int, over_ms: int) -> None:
    report = changed_before_intent(bound_ms + over_ms, profile_bound_ms=bound_ms)
    assert report.counts == {"profile_stale": 1}
    assert f"was there {bound_ms + over_ms:,} ms before the intent" in report.violations[0].what
    assert report.profiles_behind == Behind()


def test_the_bound_is_a_second_unless_said() -> None:
    assert "profile_stale" in changed_before_intent(1001).counts
    assert changed_before_intent(1000).green


@pytest.mark.parametrize("age_ms", [1, 999, 1000])
def test_within_the_bound_it_is_counted_and_no_violation(age_ms: int) -> None:
    report = changed_before_intent(age_ms)
    assert report.green
    assert report.profiles_behind == Behind(1, age_ms)


@pytest.mark.parametrize("age_ms", [0, -1, -900])
def test_what_changed_with_or_after_the_intent_is_not_even_counted(age_ms: int) -> None:
    report = changed_before_intent(age_ms)
    assert report.green
    assert report.profiles_behind == Behind()


@pytest.mark.parametrize(("age_ms", "stale"), [(1000, False), (1001, True)])
def test_without_an_intent_the_decision_counts(age_ms: int, stale: bool) -> None:
    world = consistent()
    push = last_status(world, 1)
    offset = world.write(PROFILES, 1, DECISION - age_ms, push.record.users[0], "changed")
    offsets = [offset, *push.record.profile_offsets[1:]]  # the same user's push, which has an intent, knew of it
    world.swap([it for it in world.of(LEDGER, 1) if it.key == push.record.batch_id.encode()][-1], profile_offsets=offsets)
    world.swap(push, profile_offsets=offsets)
    report = judge(world)
    assert report.counts == ({"profile_stale": 1} if stale else {})
    assert report.profiles_behind == Behind()


def test_the_first_change_that_was_missed_tells_the_age() -> None:
    world = consistent()
    status = last_status(world, 1)
    for age_ms in (300, 200, 100):
        world.write(PROFILES, 1, INTENT - age_ms, status.record.users[0], "changed")
    assert judge(world).profiles_behind == Behind(1, 300)


def test_clocks_that_may_be_further_apart_do_not_widen_the_bound() -> None:
    assert "profile_stale" in changed_before_intent(1001, slack_ms=5000).counts


def test_people_and_programs_are_told() -> None:
    report = changed_before_intent(311)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(rendered(report))
    assert "1 sends on a profile that had changed before the intent, by 311 ms at most" in capture.get()
    assert document(report)["profiles_behind"] == Behind(1, 311)
