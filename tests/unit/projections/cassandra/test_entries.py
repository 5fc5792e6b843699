from hypothesis import given
from hypothesis import strategies as st

from projections.cassandra.entries import MILESTONES, About, Entry, Key, Told, entry, join, written_us
from tests.unit.projections.made import NOW

KEY = Key("u", NOW, "n", "push")
ABOUT = About("e", "c", "promotional", "low", "t", 1)

told = st.builds(
    Told,
    status=st.sampled_from([*MILESTONES, "new_one"]),
    reason=st.sampled_from(["", "x", "y"]),
    detail=st.just(""),
    at=st.integers(NOW, NOW + 2),
    status_id=st.sampled_from(["s1", "s2", "s3"]),
    provider=st.sampled_from(["", "fcm", "apns"]),
    attempt=st.integers(0, 2),
    profile_offset=st.integers(-1, 2),
)
entries = st.builds(entry, st.just(KEY), st.just(ABOUT), told)


@given(entries, entries, entries)
def test_joining_is_commutative_associative_and_idempotent(a: Entry, b: Entry, c: Entry) -> None:
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c))
    assert join(a, a) == a
    assert join(join(a, b), b) == join(a, b)


def test_of_two_statuses_at_one_millisecond_the_later_milestone_is_the_newer() -> None:
    times = [written_us(NOW, status, "s") for status in (*MILESTONES, "new_one")]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


@given(st.integers(0, 10**12), st.sampled_from([*MILESTONES, "new_one"]), st.text())
def test_a_write_time_stays_within_its_millisecond(at: int, status: str, status_id: str) -> None:
    assert written_us(at, status, status_id) // 1000 == at


def test_the_newest_status_is_the_status_and_every_milestone_stays() -> None:
    sent, delivered = Told("sent", "", "", NOW, "1"), Told("delivered", "", "", NOW + 5, "2")
    both = join(entry(KEY, ABOUT, delivered), entry(KEY, ABOUT, sent))
    assert both.details["status"].value == "delivered"
    assert both.milestones == {"sent": NOW, "delivered": NOW + 5}
