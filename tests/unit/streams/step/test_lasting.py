"""Tables that outlast the others are in a database of their own; a step does not see the difference."""

from pathlib import Path

import pytest

from schemas.topics import catalogue
from streams.planner.agent import PlannerStep
from streams.planner.rules import MAX_AHEAD_MS
from streams.roles import ROLES
from streams.step.lasting import LastingStore
from streams.step.store import Store

DAY_S = 24 * 3600


def test_each_table_is_in_its_own_database_and_there_after_a_restart(tmp_path: Path) -> None:
    made = LastingStore(tmp_path / "tables", 2 * DAY_S, {"campaigns": 90 * DAY_S})
    for name, value in (("expanded", b"1"), ("campaigns", b"2")):
        made.partition(name, 3).write([(b"k", value)], 7)
    made.close()
    again = LastingStore(tmp_path / "tables", 2 * DAY_S, {"campaigns": 90 * DAY_S})
    assert {name: again.partition(name, 3).get(b"k") for name in ("expanded", "campaigns")} == {"expanded": b"1", "campaigns": b"2"}
    assert again.partition("campaigns", 3).position() == 7
    again.close()
    usual, own = Store(tmp_path / "tables", 2 * DAY_S), Store(tmp_path / "tables-campaigns", 90 * DAY_S)
    assert (usual.partition("campaigns", 3).get(b"k"), own.partition("campaigns", 3).get(b"k")) == (None, b"2")
    usual.close()
    own.close()


def test_a_second_process_is_kept_out_of_all_of_it(tmp_path: Path) -> None:
    made = LastingStore(tmp_path / "tables", None, {"campaigns": DAY_S})
    with pytest.raises(Exception, match="lock"):
        Store(tmp_path / "tables-campaigns", DAY_S)
    made.close()


def test_control_schedules_and_tries_outlast_what_their_roles_forget() -> None:
    assert {name: dict(role.lasting) for name, role in ROLES.items() if role.lasting} == {
        "decide": {"campaigns": 90 * DAY_S, "tried": 90 * DAY_S},
        "decide_urgent": {"campaigns": 90 * DAY_S, "tried": 90 * DAY_S},
        "plan": {"scheduled": 90 * DAY_S},
    }


def test_a_schedule_is_remembered_until_it_is_through_and_longer_than_a_request_for_now() -> None:
    """A request that is repeated right after its release is 60 days old."""
    assert ROLES["plan"].lasting["scheduled"] * 1000 - MAX_AHEAD_MS > 2 * DAY_S * 1000
    kept = {topic.name: topic.retention_ms for topic in catalogue()}
    changelog = PlannerStep.tables["scheduled"]
    assert kept[changelog] == ROLES["plan"].lasting["scheduled"] * 1000
    assert min(kept[name] for name in kept if name.startswith("notify.changelog.campaigns")) > MAX_AHEAD_MS + 2 * DAY_S * 1000
