"""Tables that outlast the others are in a database of their own; a step does not see the difference."""

from pathlib import Path

import pytest

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


def test_campaigns_outlast_what_the_deciding_roles_forget() -> None:
    assert {name: dict(role.lasting) for name, role in ROLES.items() if role.lasting} == {
        name: {"campaigns": 90 * DAY_S} for name in ("decide", "decide_urgent")
    }
