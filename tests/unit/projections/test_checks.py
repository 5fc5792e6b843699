import pytest

from projections.checks import MAX_TIME_MS, check, storable
from projections.errors import Unprojectable
from schemas.errors import RecordRefused
from schemas.records import Outcome, Record
from tests.unit.projections.made import expanded, notification, requested, status_batch


@pytest.mark.parametrize(
    "record", [status_batch(["a", "b"]), status_batch([]), status_batch(["a"], provider_message_ids=[]), requested(), expanded()]
)
def test_good_records_pass(record: Record) -> None:
    check(record)


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (status_batch(["a", ""]), "users is empty"),
        (status_batch(["a" * 1025]), "longer than 1024 bytes"),
        (status_batch(["ü" * 600]), "longer than 1024 bytes"),
        (status_batch(["a"], outcome_of=[0, 0]), "outcome_of has 2 entries for 1 users"),
        (status_batch(["a"], profile_offsets=[]), "profile_offsets has 0"),
        (status_batch(["a", "b"], provider_message_ids=["x"]), "provider_message_ids has 1"),
        (status_batch(["a", "b"], data=[{}]), "data has 1 entries for 2 users"),
        (status_batch(["a"], outcome_of=[1]), "outside the 1 outcomes"),
        (status_batch(["a"], outcome_of=[-1]), "outside the 1 outcomes"),
        (status_batch(["a", "b"], providers=["x"], provider_of=[0]), "provider_of has 1"),
        (status_batch(["a"], providers=["x"], provider_of=[1]), "outside the 1 providers"),
        (status_batch(["a"], outcomes=[Outcome("")]), "outcomes.status is empty"),
        (status_batch(["a"], at=-1), "at is -1"),
        (status_batch(["a"], at=2**60), "not a time"),
        (status_batch(["a"], status_id=""), "status_id is empty"),
        (status_batch(["a"], notification=notification("")), "notification_id is empty"),
        (requested(accepted_at=MAX_TIME_MS), "accepted_at"),
        (requested(expires_at=-5), "expires_at is -5"),
        (requested(not_before=-5), "not_before is -5"),
    ],
)
def test_what_can_not_be_rows_is_refused_with_the_reason(record: Record, what: str) -> None:
    with pytest.raises(Unprojectable, match=what) as refused:
        check(record)
    assert isinstance(refused.value, RecordRefused)
    assert refused.value.reason == "unprojectable"


def test_never_is_the_year_2100() -> None:
    assert storable(None) is None
    assert storable(5) == 5
    assert storable(2**60) == MAX_TIME_MS
