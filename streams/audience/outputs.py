"""What a chunk comes to, as records: deliver batches, statuses, timers of those who are held, progress, and the command for the rest."""

from schemas.codec import Codec
from schemas.records import Output, SetTimer
from schemas.topics import EXPANSIONS, STATUS, deliver_topic
from streams.audience.campaigns import later, timed
from streams.audience.holds import KIND
from streams.audience.rules import Expansion
from streams.step.model import Input, back_to


def outputs_of(codec: Codec, expansion: Expansion, key: bytes, record: Input, now: int) -> list[Output]:
    """The records; the rest goes to where `record` came from, by a timer when its turn is after `now` (epoch ms)."""
    encode, partition = codec.encode, record.partition
    outputs = [
        Output(topic=deliver_topic(b.channel, b.notification.priority), partition=partition, key=b.batch_id.encode(), value=encode(b))
        for b in expansion.batches
    ]
    outputs += [Output(topic=STATUS, partition=partition, key=key, value=encode(status)) for status in expansion.statuses]
    for hold in expansion.holds:
        outputs.append(timed(codec, SetTimer(hold.command.hold_id, hold.until.release_at, KIND), key, hold.command, record))
    outputs.append(Output(topic=EXPANSIONS, key=key, value=encode(expansion.progress)))
    if rest := expansion.rest:
        outputs.append(later(codec, key, rest, record) if rest.not_before > now else back_to(record, key, encode(rest)))
    return outputs
