"""The index of a partition in memory: what a replica's store would hold of the same users."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

from schemas.records import Profile
from streams.profiles.stored import prefixes, user_key


class MemoryIndex:
    """Users by prefix."""

    def __init__(self, users: Mapping[bytes, Iterable[str]]) -> None:
        self._keys = {prefix: sorted(map(user_key, some)) for prefix, some in users.items()}

    @classmethod
    def of(cls, profiles: Iterable[Profile]) -> "MemoryIndex":
        users: dict[bytes, list[str]] = {}
        for profile in profiles:
            for prefix in prefixes(profile):
                users.setdefault(prefix, []).append(profile.user_id)
        return cls(users)

    def keys(self, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        found = self._keys.get(prefix, [])
        first = bisect_left(found, start)
        return found[first : first + limit]

    def count(self, prefix: bytes) -> int:
        return len(self._keys.get(prefix, []))
