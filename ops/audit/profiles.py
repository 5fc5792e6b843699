"""Was a send made on the last profile there was? Versions of one partition's profiles, as the log has them. Pure."""

from array import array
from bisect import bisect_left
from typing import NamedTuple

NO_PROFILE = -1


class Version(NamedTuple):
    """One version of a user's profile; `timestamp`: epoch ms. `gone`: the user was deleted."""

    offset: int
    timestamp: int
    gone: bool


class Profiles:
    """Most users have one version: `is_last` is the quick answer, `fault` the whole one."""

    def __init__(self) -> None:
        self._last: dict[str, Version] = {}
        self._current: dict[str, int] = {}
        self._earlier: dict[str, list[Version]] = {}
        self._offsets = array("q")

    def note(self, user: str, version: Version) -> None:
        """A record of notify.profiles, in the log's order."""
        if (before := self._last.get(user)) is not None:
            self._earlier.setdefault(user, []).append(before)
        self._last[user] = version
        self._current[user] = NO_PROFILE - 1 if version.gone else version.offset
        self._offsets.append(version.offset)

    def knows(self, user: str) -> bool:
        """Whether there is any version of the user in this partition."""
        return user in self._last

    def is_last(self, user: str, offset: int) -> bool:
        """Whether `offset` is the last version of a user who is there: then nothing can be wrong."""
        return self._current.get(user, NO_PROFILE - 1) == offset

    def fault(self, user: str, cited: int) -> tuple[str, str] | None:
        """(kind, what) of what is wrong with a send on the version `cited`, whenever it was; None when nothing is."""
        if cited <= NO_PROFILE:
            return "profile_missing", f"{user} was sent to without a profile"
        own = next((one for one in self._versions(user) if one.offset == cited), None)
        if own is not None and own.gone:
            return "profile_deleted", f"{user} was sent to on notify.profiles offset {cited}, where the user is deleted"
        if own is None and self._is_other(cited):
            return "profile_of_another", f"{user} was sent to on notify.profiles offset {cited}, which is of someone else"
        return None

    def is_checkable(self, user: str, cited: int) -> bool:
        """False when compaction may have removed versions that came after the one cited."""
        return any(one.offset == cited for one in self._versions(user))

    def newer(self, user: str, cited: int) -> Version | None:
        """Of the versions after the cited one that which was on the log first; None when there is none."""
        return min((one for one in self._versions(user) if cited < one.offset), key=lambda one: one.timestamp, default=None)

    def _versions(self, user: str) -> list[Version]:
        last = self._last.get(user)
        return [*self._earlier.get(user, []), *([last] if last else [])]

    def _is_other(self, offset: int) -> bool:
        """Whether a record is at an offset: none of this user's is, so it is another's."""
        index = bisect_left(self._offsets, offset)
        return index < len(self._offsets) and self._offsets[index] == offset
