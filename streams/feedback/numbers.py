"""STOP and START of people who name a phone number and no message: whoever has the number, in whichever partition, has said it.

The event comes to the partition of its number. From there a copy goes to each other partition, and each changes the profiles of its users.
While nobody was found, a second copy (`NOBODY_YET`) goes on from partition to partition; when it is back, the event is a dead letter:
nobody has the number. A dead letter that is replayed begins anew.

Killed between any two effects: the record comes again, and its copies are written again; changes are known by their positions, and a second
round by the table, which says by which record an event was first said, and by which it was first back.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.partition import partition_of
from schemas.records import FeedbackReceived, FeedbacksReceived, Output, ProfileChanged, ProfilesChanged, Write
from schemas.topics import FEEDBACK, PROFILE_EVENTS
from streams.feedback.rules import SOURCE, SUPPRESSES
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import View, dead_letter_output

KINDS = frozenset({"stopped", "started"})
NOBODY_YET = "nobody_yet"
"""The reason of a copy that asks one partition after the other."""
MOST = 2000
"""Users of one number in a partition that are looked for; the changes of so many fit one record."""
TABLE = "heard"
FIRST, BACK = "first", "back"

UsersOf = Callable[[StepPartition, str], Awaitable[Sequence[str]]]
"""The users of a partition who have a number."""

_marks = msgspec.msgpack.Decoder(dict[str, int])


class NumberUnknown(RecordRefused):
    """No user has the number."""

    reason = "number_unknown"


class NumberOfMany(RecordRefused):
    """A number of so many users is nobody's."""

    reason = "number_of_many"


def is_of_a_number(event: FeedbackReceived) -> bool:
    """Whether an event names a number and nothing else."""
    return event.kind in KINDS and not event.ref and event.address.startswith("+")


def changes_of(event: FeedbackReceived, users: Sequence[str]) -> list[ProfileChanged]:
    """The number is out of use for these users, or may be used again."""
    stop = {event.address: SUPPRESSES["stopped"]} if event.kind == "stopped" else {}
    start = [] if stop else [event.address]
    at = event.occurred_at
    return [
        ProfileChanged(user_id=user, source=SOURCE, source_position=at, occurred_at=at, suppress=stop, unsuppress=start) for user in users
    ]


class Numbers:
    """What the feedback step does about such an event."""

    def __init__(self, codec: Codec, clock: Callable[[], int], users_of: UsersOf, partitions: int) -> None:
        """`clock`: epoch ms. `partitions`: of `notify.feedback`."""
        self._codec, self._clock, self._users_of, self._partitions = codec, clock, users_of, partitions

    async def told(self, part: StepPartition, view: View, event: FeedbackReceived, record: Input, step: str) -> Effects:
        """What one event comes to in this partition. Raises NumberOfMany."""
        going_round = event.reason == NOBODY_YET
        effects = Effects()
        if record.partition == partition_of(event.address, self._partitions):
            if going_round:
                return self._back(view, event, record, step)
            marks = _first_said(_known(view, event), record.offset)
            if marks is None:
                return effects
            effects.writes.append(_write(event, marks))
            effects.outputs += [self._copy(event, each) for each in range(self._partitions) if each != record.partition]
        users = await self._users_of(part, event.address)
        if len(users) > MOST:
            raise NumberOfMany(f"more than {MOST} users of partition {record.partition} have the number")
        if users:
            effects.outputs.append(self._changed(event, users, record.partition))
        elif going_round or effects.writes:
            asked = msgspec.structs.replace(event, reason=NOBODY_YET)
            effects.outputs.append(self._copy(asked, (record.partition + 1) % self._partitions))
        return effects

    def _back(self, view: View, event: FeedbackReceived, record: Input, step: str) -> Effects:
        """Every partition was asked: a dead letter of the record that it came by, once."""
        marks = _known(view, event)
        if marks.setdefault(BACK, record.offset) != record.offset:
            return Effects()
        whole = self._codec.encode(FeedbacksReceived([msgspec.structs.replace(event, reason="")]))
        came = record._replace(offset=marks.get(FIRST, record.offset), value=whole)
        error = NumberUnknown(f"nobody has the number of this {event.kind}")
        return Effects([dead_letter_output(self._codec, step, came, error, self._clock())], [_write(event, marks)])

    def _copy(self, event: FeedbackReceived, partition: int) -> Output:
        return Output(topic=FEEDBACK, partition=partition, key=event.address.encode(), value=self._codec.encode(FeedbacksReceived([event])))

    def _changed(self, event: FeedbackReceived, users: Sequence[str], partition: int) -> Output:
        changes = ProfilesChanged(changes_of(event, users))
        return Output(topic=PROFILE_EVENTS, partition=partition, key=users[0].encode(), value=self._codec.encode(changes))


def _first_said(marks: dict[str, int], offset: int) -> dict[str, int] | None:
    """The marks of an event that the record at `offset` says; None: another said it before, and did not find that it is of nobody."""
    if marks.get(FIRST) == offset:
        return marks
    return {FIRST: offset} if not marks or BACK in marks else None


def _key(event: FeedbackReceived) -> bytes:
    return f"number/{event.provider}/{event.event_id or event.occurred_at}/{event.address}/{event.kind}".encode()


def _known(view: View, event: FeedbackReceived) -> dict[str, int]:
    value = view.get(TABLE, _key(event))
    return _marks.decode(value) if value is not None else {}


def _write(event: FeedbackReceived, marks: dict[str, int]) -> Write:
    return Write(TABLE, _key(event), msgspec.msgpack.encode(marks))
