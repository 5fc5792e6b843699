"""The profile step: `notify.profile-events` to `notify.profiles`, which is the changelog of every profile table.

Killed between any two effects: the changes come again; the fold ignores older positions of a source and makes the same profile of the same.
"""

from collections.abc import Callable, Mapping

from schemas.codec import Codec
from schemas.records import Profile, ProfileChanged, ProfilesChanged, Write
from schemas.topics import PROFILES
from streams.profiles.rules import check_partition, check_user, fold
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View


class ProfileStep(RecordStep):
    """Folds changes; its table is `notify.profiles` itself, with values as on the wire."""

    name = "profiles"
    max_batch = 16
    tables: Mapping[str, str] = {"profiles": PROFILES}

    def __init__(self, codec: Codec, clock: Callable[[], int], partitions: int) -> None:
        super().__init__(codec, clock)
        self._partitions = partitions

    def decide(self, view: View, record: Input) -> Effects:
        """The new profiles. One bad change refuses the whole record, so that a replay applies all of it."""
        changes = self.codec.decode(record.value, ProfilesChanged).changes
        for change in changes:
            check_user(change.user_id)
            check_partition(change.user_id, record.partition, self._partitions)
        folded: dict[str, Profile | None] = {}
        for change in changes:
            known = folded[change.user_id] if change.user_id in folded else self._stored(view, change)
            folded[change.user_id] = fold(known, change, record.offset)
        return Effects(writes=[self._write(user_id, profile) for user_id, profile in folded.items()])

    def _stored(self, view: View, change: ProfileChanged) -> Profile | None:
        value = view.get("profiles", change.user_id.encode())
        return self.codec.decode(value, Profile) if value is not None else None

    def _write(self, user_id: str, profile: Profile | None) -> Write:
        return Write("profiles", user_id.encode(), self.codec.encode(profile) if profile else None)
