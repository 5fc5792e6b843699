"""What part of an account's limit is that of some partitions of a role, in whole messages: so nobody need be asked. Pure."""

from functools import lru_cache


def quota_of(limit: float, part: float, partition: int, partitions: int) -> int:
    """Messages of one partition, where a role has a part (0 to 1) of the limit; of all partitions together no more than that."""
    whole = int(limit * part)
    return (partition + 1) * whole // partitions - partition * whole // partitions


@lru_cache(256)
def share_of(limit: float, part: float, mine: frozenset[int], partitions: int) -> float:
    """Messages of a process' partitions: whole ones where there is one for each partition, else as many parts as it has of them."""
    if limit * part < partitions:
        return limit * part * len(mine) / partitions
    return float(sum(quota_of(limit, part, partition, partitions) for partition in mine))
