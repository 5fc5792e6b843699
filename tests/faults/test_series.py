"""What a series of runs consists of; the runs themselves are `test_faults.py`'s."""

from collections import Counter

from tests.faults.faults import FAULTS
from tests.faults.series import RESTARTED, RESTARTS, STRIKES, planned


def test_every_name_has_all_its_seeds_and_no_seed_comes_twice() -> None:
    runs = list(planned([*STRIKES, *FAULTS], seeds=10, first=7))
    assert Counter(run.name for run in runs) == {name: RESTARTED if name in RESTARTS else 10 for name in (*STRIKES, *FAULTS)}
    assert [run.seed for run in runs] == list(range(7, 7 + len(runs)))
    assert all(run.arguments[-2:] == ("--seed", str(run.seed)) for run in runs)


def test_one_seed_of_each_comes_first() -> None:
    assert [run.name for run in planned(["slow", "broker"], seeds=5, first=1)] == ["slow", "broker"] * RESTARTED + ["slow"] * 2


def test_what_is_restarted_is_a_fault() -> None:
    assert set(FAULTS) >= RESTARTS
