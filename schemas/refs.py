"""What a provider hands back with its feedback: where the batch of a delivery is on the log, and which of its recipients. Pure.

`<channel>-<priority>-<partition>-<offset>-<recipient>-<address>`, as in `email-normal-3-170225-17-0`: letters, digits, `_` and `-`, which
every provider takes, and at most `MAX_CHARS` of them. The log is the index: nothing need be kept to find a delivery again.
"""

import re
from typing import NamedTuple

from schemas.errors import RecordRefused
from schemas.topics import deliver_topic

MAX_CHARS = 64
_REF = re.compile(r"([a-z_]{1,16})-(critical|high|normal|low)-(\d{1,9})-(\d{1,18})-(\d{1,9})-(\d{1,9})", re.ASCII)


class RefInvalid(RecordRefused):
    """It is none of ours."""

    reason = "ref_invalid"


class Ref(NamedTuple):
    """`offset`: of the DeliverBatch in its deliver topic. `recipient`, `address`: which of its users, and of their addresses."""

    channel: str
    priority: str
    partition: int
    offset: int
    recipient: int
    address: int

    @property
    def topic(self) -> str:
        """Where the batch is."""
        return deliver_topic(self.channel, self.priority)

    def __str__(self) -> str:
        return f"{ref_of_batch(self.channel, self.priority, self.partition, self.offset)}-{self.recipient}-{self.address}"


def ref_of_batch(channel: str, priority: str, partition: int, offset: int) -> str:
    """What the refs of all messages of a batch begin with."""
    return f"{channel}-{priority}-{partition}-{offset}"


def parse(text: str) -> Ref:
    """The ref that a text is. Raises RefInvalid."""
    match = _REF.fullmatch(text)
    if match is None:
        raise RefInvalid(f"{text[:MAX_CHARS]!r} is no reference of a delivery")
    channel, priority, *numbers = match.groups()
    return Ref(channel, priority, *map(int, numbers))
