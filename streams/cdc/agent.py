"""The table step: `cdc.<table>` to `notify.profile-events`, in the user's partition.

Killed between any two effects: the row comes again and is written again with the same position, which the fold knows.
"""

from collections.abc import Callable

from schemas.codec import Codec
from schemas.partition import partition_of
from schemas.records import Output, ProfilesChanged
from schemas.table_changes import ElementMapping, TableMapping, profile_change
from schemas.topics import PROFILE_EVENTS
from streams.profiles.rules import check_user
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View


class TableStep(RecordStep):
    """One for each upstream table. It has no state: its output is a function of the row and the mapping."""

    def __init__(self, topic: str, codec: Codec, clock: Callable[[], int], mapping: TableMapping | ElementMapping, partitions: int) -> None:
        super().__init__(codec, clock)
        self.name = topic
        self._mapping = mapping
        self._partitions = partitions

    def decide(self, view: View, record: Input) -> Effects:
        """The change that a row makes; nothing for a tombstone, which only repeats the deletion before it."""
        row = None if record.value is None else self.codec.decode_any(record.value).fields
        change = profile_change(self._mapping, row)
        if change is None:
            return Effects()
        check_user(change.user_id)
        key, partition = change.user_id.encode(), partition_of(change.user_id, self._partitions)
        value = self.codec.encode(ProfilesChanged([change]))
        return Effects([Output(topic=PROFILE_EVENTS, partition=partition, key=key, value=value)])
