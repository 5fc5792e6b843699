"""The audience step: one lane of `notify.fanout` to deliver batches, statuses, progress, and a command to itself for the next chunk.

What it decides depends on profiles, which change: so it is journaled. Killed before the journal: nothing was decided. Killed after it: the
very same records are written again, and readers know them by batch id, status id and chunk number.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from schemas.codec import Codec
from schemas.errors import SchemaError
from schemas.records import ExpandAudience, Output, Write
from schemas.topics import EXPANSIONS, STATUS, audience_topics, deliver_topic
from streams.audience.expression import parse
from streams.audience.rules import Expansion, Person, Place, expand, next_chunk
from streams.audience.search import search
from streams.policy.policy import Policy
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import RecordStep, View
from streams.step.turns import Turns

CHUNK, COMMANDS = 250, 64


class AudienceStep(RecordStep):
    """Expands one chunk per command; between two chunks of a campaign, whatever else has arrived has its turn."""

    max_batch = 8

    def __init__(
        self, topic: str, codec: Codec, clock: Callable[[], int], policy: Policy, replica: ProfileReplica, chunk: int = CHUNK
    ) -> None:
        """`topic`: the lane it reads. `chunk`: users a command of a campaign decides."""
        super().__init__(codec, clock)
        changelog, journal = audience_topics(topic)
        self.name = journal.removeprefix("notify.journal.")
        self.tables: Mapping[str, str] = {"expanded": changelog}
        self.journal: str | None = journal
        self._topic = topic
        self._policy = policy
        self._replica = replica
        self._chunk = chunk
        self._turns = Turns()
        # each is looked at before its turn, in its turn, and to decide
        self._command = lru_cache(COMMANDS)(lambda value: codec.decode(value, ExpandAudience))

    async def start(self, partition: int) -> None:
        """Wait until the profiles of the partition are current."""
        await self._replica.ready(partition)

    def together(self, waiting: Sequence[Input]) -> int:
        """A chunk of a campaign goes alone: what comes before it need not wait for its turn."""
        return next((index for index, record in enumerate(waiting) if self._is_scan(record)), len(waiting)) or 1

    async def decide_in_turn(self, part: StepPartition, view: View, record: Input) -> Effects:
        """Chunks of campaigns take turns; the rest is short."""
        await self._replica.current(part.number, alive=part.alive)
        if not self._is_scan(record):
            return await super().decide_in_turn(part, view, record)
        async with self._turns:
            return await super().decide_in_turn(part, view, record)

    def _is_scan(self, record: Input) -> bool:
        try:
            return bool(self._command(record.value).expression)
        except SchemaError:
            return False  # decide will say what is wrong with it

    def decide(self, view: View, record: Input) -> Effects:
        """Everything one command comes to; nothing for a command that was had before."""
        command = self._command(record.value)
        key = command.notification.notification_id.encode()
        if command.chunk < _chunks_done(view, key):
            return Effects()
        place = Place(record.topic, record.partition, record.offset, self.clock())
        people, rest = self._people(command, record.partition)
        effects = self._outputs(expand(command, people, rest, self._policy, place), key, record.partition)
        effects.writes.append(Write("expanded", key, (command.chunk + 1).to_bytes(4, "big")))
        return effects

    def _people(self, command: ExpandAudience, partition: int) -> tuple[list[Person], ExpandAudience | None]:
        """The users of this chunk with their profiles, and the command for the rest."""
        wanted = parse(command.expression)
        if wanted is None:
            return self._known(partition, command.users), None
        users, cursor = search(wanted, command.users, self._replica.index(partition), command.cursor, self._chunk)
        return self._known(partition, users), next_chunk(command, cursor) if cursor is not None else None

    def _known(self, partition: int, users: list[str]) -> list[Person]:
        known = self._replica.get_many(partition, users)
        return [Person(user, profile, offset) for user, (profile, offset) in zip(users, known, strict=True)]

    def _outputs(self, expansion: Expansion, key: bytes, partition: int) -> Effects:
        encode = self.codec.encode
        outputs = [
            Output(topic=deliver_topic(b.channel, b.notification.priority), partition=partition, key=b.batch_id.encode(), value=encode(b))
            for b in expansion.batches
        ]
        outputs += [Output(topic=STATUS, partition=partition, key=key, value=encode(status)) for status in expansion.statuses]
        outputs.append(Output(topic=EXPANSIONS, key=key, value=encode(expansion.progress)))
        if expansion.rest:
            outputs.append(Output(topic=self._topic, partition=partition, key=key, value=encode(expansion.rest)))
        return Effects(outputs)


def _chunks_done(view: View, key: bytes) -> int:
    value = view.get("expanded", key)
    return int.from_bytes(value, "big") if value is not None else 0
