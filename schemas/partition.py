"""Kafka's default partitioner: murmur2 of the key bytes, as Java, Debezium and aiokafka compute it.

Source: org.apache.kafka.common.utils.Utils.murmur2. librdkafka needs `partitioner=murmur2_random` to agree.
"""

from struct import unpack_from

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
BUCKETS = 2048
"""Users are hashed into this many buckets; a power of two, so that any power-of-two partition count divides it."""


def murmur2(data: bytes) -> int:
    """The 32-bit hash of `data`, unsigned."""
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    words = length >> 2
    for k in unpack_from(f"<{words}I", data):
        k = (k * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    tail = data[words << 2 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key among `partitions`."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def bucket_of(key: str) -> int:
    """The bucket of a user, 0 to BUCKETS-1; users of one bucket share a partition when the partition count divides BUCKETS."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % BUCKETS
