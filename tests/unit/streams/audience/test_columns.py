"""What is said of users in columns beside them is refused when it is not of just those."""

from typing import Any

import msgspec
import pytest

from schemas.errors import RecordRefused
from schemas.records import ChannelEnded, Outcome, Record, SendsEnded
from streams.audience.columns import check
from tests.unit.streams.make import NOW, command, notification

USERS = ["ann", "bob"]
SENT = Outcome(status="sent")
COMMAND = command(users=USERS, data=[{"n": "1"}, {}], counted=[True, False])
ENDED = ChannelEnded(notification=notification(), channel="push", users=USERS, outcomes=[SENT], outcome_of=[0, 0], at=NOW)
SENDS = SendsEnded("n", 7, "promotional", "push", USERS, [1, 2], NOW)


@pytest.mark.parametrize(
    ("good", "wrong"),
    [
        (COMMAND, {"data": [{}]}),
        (COMMAND, {"users": []}),
        (COMMAND, {"counted": [True, False, True]}),
        (ENDED, {"outcome_of": [0]}),
        (ENDED, {"outcome_of": [0, 0, 0]}),
        (ENDED, {"outcome_of": [0, 1]}),
        (ENDED, {"outcome_of": [0, -1]}),
        (ENDED, {"outcomes": []}),
        (SENDS, {"counted_on": []}),
        (SENDS, {"counted_on": [1, 2, 3]}),
        (SENDS, {"counted_on": [0, 1]}),
    ],
)
def test_columns_that_do_not_fit_are_refused(good: Record, wrong: dict[str, Any]) -> None:
    check(good)
    with pytest.raises(RecordRefused, match=r"users|outcome_of|counted_on"):
        check(msgspec.structs.replace(good, **wrong))


def test_columns_that_are_left_out_are_of_nobody() -> None:
    check(command(users=USERS))
    check(command(expression="all"))
    check(msgspec.structs.replace(ENDED, users=[], outcome_of=[], outcomes=[]))
