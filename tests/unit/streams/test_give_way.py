"""Who gives way, seen from outside: each in a process of its own."""

import os
import subprocess
import sys

import pytest

from ops.local.paths import REPOSITORY
from streams.give_way import AUTOGROUP, Manners

SHOWN = """
import os
from streams.give_way import AUTOGROUP, Manners, give_way, give_way_at_work
give_way(Manners.{name})
if {at_work}:
    give_way_at_work(Manners.{name})
group = AUTOGROUP.read_text().split() if AUTOGROUP.exists() else []
print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE if hasattr(os, "SCHED_IDLE") else "-", group[-1] if group else "-")
"""


def shown(manners: Manners, own_session: bool, at_work: bool = True) -> list[str]:
    """Its niceness, whether it is SCHED_IDLE, the niceness of its session ("-": it has no group, like a container's first session)."""
    command = [sys.executable, "-c", SHOWN.format(name=manners.name, at_work=at_work)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=30, start_new_session=own_session)
    return done.stdout.split()


@pytest.fixture(autouse=True)
def _polite_already() -> None:
    if os.nice(0):
        pytest.skip("these tests are nice themselves")


def test_the_first_stay_as_they_are() -> None:
    assert shown(Manners.FIRST, own_session=True)[0] == "0"


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="a thing of Linux")
def test_the_last_are_idle_and_those_behind_are_nice() -> None:
    assert shown(Manners.LAST, own_session=True)[:2] == ["10", "True"]
    assert shown(Manners.BEHIND, own_session=True)[:2] == ["10", "False"]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group tasks by session")
def test_a_session_of_its_own_is_made_nice_and_no_other() -> None:
    assert shown(Manners.LAST, own_session=True)[2] == "19"
    assert shown(Manners.BEHIND, own_session=True)[2] == "10"
    of_this_session = shown(Manners.FIRST, own_session=False)[2]
    assert shown(Manners.LAST, own_session=False)[2] == of_this_session


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group tasks by session")
def test_who_is_behind_recovers_as_fast_as_the_first() -> None:
    assert shown(Manners.BEHIND, own_session=True, at_work=False)[2] == "0"
    assert shown(Manners.LAST, own_session=True, at_work=False)[2] == "19"
