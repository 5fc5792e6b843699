import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.cassandra.blobs import BadBlob, Found, Recipients, find, found, pack, pick, recipients_of, unpack
from schemas.records import StatusBatch
from tests.unit.projections.made import status_batch, status_batches


@given(status_batches(users=[f"ü-{i}" for i in range(9)]))
def test_a_blob_gives_back_what_went_in(batch: StatusBatch) -> None:
    assert unpack(pack(recipients_of(batch))) == recipients_of(batch)


@given(status_batches(), st.data())
def test_a_picked_part_says_the_same_of_its_users(batch: StatusBatch, data: st.DataObject) -> None:
    whole = recipients_of(batch)
    indices = data.draw(st.lists(st.sampled_from(range(len(batch.users))), min_size=1, unique=True))
    part = pick(whole, indices)
    assert [found(part, i) for i in range(len(indices))] == [found(whole, i) for i in indices]
    assert set(part.outcomes) == {whole.outcomes[whole.outcome_of[i]] for i in indices}


def test_a_user_is_found_and_a_part_of_a_name_is_not() -> None:
    blob = pack(recipients_of(status_batch(["anna", "ann"], "sent")))
    assert find(blob, "ann") == [Found("sent", "", "", 1, "m-ann")]
    assert find(blob, "an") == []
    assert find(blob, "bo") == []


def test_a_user_with_two_devices_is_found_twice() -> None:
    blob = pack(Recipients(["ann", "ann"], [("sent", "", ""), ("failed", "x", "")], [0, 1], [4, 4], []))
    assert [it.status for it in find(blob, "ann")] == ["sent", "failed"]


@pytest.mark.parametrize("bad", [b"", b"\x02abc", b"\x01", b"\x01\xff\xff\xff\x7fabc", b"\x01\x01\x00\x00\x00\x10\x00"])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(BadBlob):
        unpack(bad)


def test_a_campaign_takes_few_bytes_a_user() -> None:
    users = [f"user-{i:08d}" for i in range(1000)]
    assert len(pack(recipients_of(status_batch(users, provider_message_ids=[])))) < 12_000
