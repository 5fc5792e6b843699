"""The feedback step: `notify.feedback` to statuses, profiles and routes.

Killed between any two effects: the record comes again, and the same records are written again in the same bytes, which readers know by
their ids and positions, whether its table had it or not: the table says by which record something was heard first. The batches it is about
are read from the log, where they do not change.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import DeliverBatch, FeedbackReceived, FeedbacksReceived, Output, ProfileChanged, ProfilesChanged, Record, Write
from schemas.topics import CHANGELOG_FEEDBACK, FEEDBACK, PROFILE_EVENTS, STATUS, fanout_topic
from streams.delivery.ends import ended_of
from streams.feedback.numbers import TABLE, Numbers, is_of_a_number
from streams.feedback.rules import Place, Said, changes_of, grouped, news, said_of, status_of
from streams.step.model import Effects, Input, require_writable
from streams.step.partition import StepPartition
from streams.step.step import View, dead_letter_output, patiently

BATCHES = 512
"""Batches that are kept: what is said of a campaign is said of few of them at a time."""

Fetch = Callable[[str, int, int], bytes | None]
"""The value of the record at topic, partition and offset; None: there is none any more. Blocks."""

KINDS: tuple[type[FeedbacksReceived | FeedbackReceived], ...] = (FeedbacksReceived, FeedbackReceived)

_marks = msgspec.msgpack.Decoder(dict[str, int])


class DeliveryGone(RecordRefused):
    """What it is about is older than the log."""

    reason = "delivery_gone"


class FeedbackStep:
    """Hears each kind once of each message."""

    name = FEEDBACK.removeprefix("notify.")
    max_batch = 64
    tables: Mapping[str, str] = {TABLE: CHANGELOG_FEEDBACK}
    journal: str | None = None

    def __init__(self, codec: Codec, clock: Callable[[], int], fetch: Fetch, numbers: Numbers) -> None:
        """`clock`: epoch ms. `numbers`: for what names no message."""
        self._codec, self._clock, self._fetch, self._numbers = codec, clock, fetch, numbers
        self._batches: OrderedDict[Place, DeliverBatch] = OrderedDict()

    async def start(self, partition: int) -> None:
        """Nothing to wait for."""

    def together(self, waiting: Sequence[Input]) -> int:
        """All of them."""
        return len(waiting)

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        """What some records come to, in order; one that can't be used becomes a dead letter, whole."""
        view, effects = View(part), Effects()
        for record in batch:
            try:
                told = require_writable(await self._told(part, view, record))
            except RecordRefused as error:
                told = Effects([dead_letter_output(self._codec, self.name, record, error, self._clock())])
            view.apply(told)
            effects.add(told)
        return effects

    async def _told(self, part: StepPartition, view: View, record: Input) -> Effects:
        heard = await patiently(part, lambda: self._codec.decode_one_of(record.value, KINDS))
        events = heard.events if isinstance(heard, FeedbacksReceived) else [heard]
        by_batch: dict[Place, list[Said]] = {}
        for one in said_of((event for event in events if not is_of_a_number(event)), record.partition):
            by_batch.setdefault(one.place, []).append(one)
        effects = Effects()
        for place, said in by_batch.items():
            effects.add(self._of_batch(view, await self._batch(part, place), place, said, record))
        for event in filter(is_of_a_number, events):
            effects.add(await self._numbers.told(part, view, event, record, self.name))
        return effects

    def _of_batch(self, view: View, batch: DeliverBatch, place: Place, said: Sequence[Said], record: Input) -> Effects:
        """What is new of one batch."""
        key = "/".join(map(str, place)).encode()
        known = view.get(TABLE, key)
        heard = _marks.decode(known) if known is not None else dict[str, int]()
        fresh = news(said, batch, heard, record.offset)
        if not fresh:
            return Effects()
        outputs = self._changed(changes_of(fresh, batch), record.partition)
        about = batch.notification.notification_id.encode()
        cause = (record.topic, record.partition, record.offset)
        statuses = [status_of(some, batch, provider, at, cause) for (provider, at), some in grouped(fresh).items()]
        told: list[tuple[str, Record]] = [(STATUS, status) for status in statuses]
        told += [(fanout_topic(batch.notification.priority), ended) for status in statuses if (ended := ended_of(batch, status))]
        outputs += [Output(topic=topic, partition=record.partition, key=about, value=self._codec.encode(one)) for topic, one in told]
        return Effects(outputs, [Write(TABLE, key, msgspec.msgpack.encode(heard))])

    def _changed(self, changes: Collection[ProfileChanged], partition: int) -> list[Output]:
        """Before the statuses: whoever hears of these decides without what is out of use."""
        if not changes:
            return []
        key = next(iter(changes)).user_id.encode()
        return [Output(topic=PROFILE_EVENTS, partition=partition, key=key, value=self._codec.encode(ProfilesChanged(list(changes))))]

    async def _batch(self, part: StepPartition, place: Place) -> DeliverBatch:
        """The batch at a place of the log. Raises DeliveryGone."""
        if place in self._batches:
            self._batches.move_to_end(place)
            return self._batches[place]
        value = await asyncio.to_thread(self._fetch, *place)
        part.alive()
        if value is None:
            raise DeliveryGone(f"there is no batch at {place[0]}/{place[1]}/{place[2]}; the log is kept for a week")
        batch = await patiently(part, lambda: self._codec.decode(value, DeliverBatch))
        self._batches[place] = batch
        while len(self._batches) > BATCHES:
            self._batches.popitem(last=False)
        return batch
