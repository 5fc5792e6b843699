"""The partitioner is Kafka's: Java's published hashes, and aiokafka's implementation."""

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import BUCKETS, bucket_of, buckets_of, murmur2, murmur2_many, partition_of

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
JAVA = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("data", "signed"), JAVA)
def test_java_s_published_values(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


@given(st.binary(max_size=70))
def test_as_aiokafka_computes_it(data: bytes) -> None:
    assert murmur2(data) == aiokafka_murmur2(data) & 0xFFFFFFFF


@given(st.lists(st.binary(max_size=70), max_size=40))
def test_many_at_once_are_as_one_by_one(keys: list[bytes]) -> None:
    assert murmur2_many(keys) == [murmur2(key) for key in keys]


def test_many_of_one_length_do_not_reach_into_each_other() -> None:
    keys = [bytes([byte] * 11) for byte in range(256)]
    assert murmur2_many(keys) == [murmur2(key) for key in keys]


@given(st.lists(st.text(max_size=40)))
def test_many_buckets_are_those_of_each(keys: list[str]) -> None:
    assert buckets_of([key.encode() for key in keys]) == [bucket_of(key) for key in keys]


@given(st.text(max_size=40), st.integers(1, 512))
def test_partitions_as_aiokafka_and_java_choose_them(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (aiokafka_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


@given(st.text(max_size=40), st.sampled_from([1, 2, 4, 8, 64, 1024, 2048]))
def test_users_of_a_bucket_share_a_partition(key: str, partitions: int) -> None:
    assert bucket_of(key) % partitions == partition_of(key, partitions)
    assert 0 <= bucket_of(key) < BUCKETS
