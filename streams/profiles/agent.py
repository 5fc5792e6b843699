"""The profile step: `notify.profile-events` to `notify.profiles`, which is the changelog of every profile table.

Killed between any two effects: the changes come again; the fold knows what it was told already, and makes the same profile of the same.
What remains of a deleted user is durable before their tombstone is written: else a kill between the two would forget what was old.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from zoneinfo import available_timezones

import msgspec

from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import Output, Profile, ProfileChanged, ProfilesChanged, Write
from schemas.topics import CHANGELOG_DELETED, PROFILES
from streams.profiles.rules import Remains, User, check_partition, check_user, fold
from streams.profiles.values import ValueInvalid, checked, require_ordered
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import RecordStep, View, dead_letter_output

_remains = msgspec.msgpack.Decoder(Remains).decode


class ProfileStep(RecordStep):
    """Folds changes. One table is `notify.profiles` itself, with values as on the wire; the other, `deleted`, is the step's own."""

    name = "profiles"
    max_batch = 16
    tables: Mapping[str, str] = {"profiles": PROFILES, "deleted": CHANGELOG_DELETED}

    def __init__(self, codec: Codec, clock: Callable[[], int], partitions: int) -> None:
        super().__init__(codec, clock)
        self._partitions = partitions

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        """What to do about a batch; what remains of the deleted is written by then."""
        effects = await super().handle(part, batch)
        await part.commit(Effects(writes=[write for write in effects.writes if write.table == "deleted"]))
        return Effects(effects.outputs, [write for write in effects.writes if write.table != "deleted"])

    def decide(self, view: View, record: Input) -> Effects:
        """The new profiles. A record with something that can't be is a dead letter as well: the rest of it is known when it is replayed."""
        before: dict[str, User] = {}
        users: dict[str, User] = {}
        errors: list[RecordRefused] = []
        for change in self._usable(record, errors):
            user = users.get(change.user_id) or before.setdefault(change.user_id, self._known(view, change.user_id))
            users[change.user_id] = fold(user, change, record.offset)
        return Effects(self._letters(record, errors), [write for each in users for write in self._writes(each, before[each], users[each])])

    def _usable(self, record: Input, errors: list[RecordRefused]) -> Iterator[ProfileChanged]:
        for change in self.codec.decode(record.value, ProfilesChanged).changes:
            try:
                check_user(change.user_id)
                check_partition(change.user_id, record.partition, self._partitions)
                require_ordered(change)
            except RecordRefused as error:
                errors.append(error)
            else:
                sound, faults = checked(change, _zones())
                errors += map(ValueInvalid, faults)
                yield sound

    def _letters(self, record: Input, errors: Sequence[RecordRefused]) -> list[Output]:
        if not errors:
            return []
        error = type(errors[0])("; ".join(map(str, errors)))
        return [dead_letter_output(self.codec, self.name, record, error, self.clock())]

    def _known(self, view: View, user_id: str) -> User:
        profile, remains = (view.get(table, user_id.encode()) for table in ("profiles", "deleted"))
        return User(
            self.codec.decode(profile, Profile) if profile is not None else None, _remains(remains) if remains is not None else None
        )

    def _writes(self, user_id: str, before: User, user: User) -> Iterator[Write]:
        if user is before:  # what the table has is on the topic
            return
        key = user_id.encode()
        if user.remains is not None and user.remains != before.remains:
            yield Write("deleted", key, msgspec.msgpack.encode(user.remains))
        yield Write("profiles", key, self.codec.encode(user.profile) if user.profile else None)


@cache
def _zones() -> Collection[str]:
    return frozenset(available_timezones())
