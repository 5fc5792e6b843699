"""The partitioner is Kafka's: Java's published hashes, and aiokafka's implementation."""

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import BUCKETS, bucket_of, murmur2, partition_of

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


@given(st.text(max_size=40), st.integers(1, 512))
def test_partitions_as_aiokafka_and_java_choose_them(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (aiokafka_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


@given(st.text(max_size=40), st.sampled_from([1, 2, 4, 8, 64, 1024, 2048]))
def test_users_of_a_bucket_share_a_partition(key: str, partitions: int) -> None:
    assert bucket_of(key) % partitions == partition_of(key, partitions)
    assert 0 <= bucket_of(key) < BUCKETS
