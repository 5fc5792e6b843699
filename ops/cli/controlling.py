"""Writes control of a campaign to every partition that may have some of it, and reads how each partition stands."""

from collections import Counter
from collections.abc import Iterable

import msgspec
from confluent_kafka import Consumer, Message

from ops.cli.logtail import read_all, watermarks
from ops.cli.producing import LogProducer, Place
from schemas.codec import Codec
from schemas.records import ControlCampaign
from schemas.topics import FANOUTS, campaigns_topic
from streams.audience.control import RUNNING, Campaign


class Control(msgspec.Struct, frozen=True):
    """`states`: how many partitions have which. `waiting`: commands that are kept until it goes on. `per_second`: 0: no limit."""

    states: dict[str, int]
    waiting: int
    per_second: int


def write(command: ControlCampaign, producer: LogProducer, codec: Codec, partitions: int) -> list[Place]:
    """Write a command to all partitions of both lanes; returns where it is. Raises KafkaException, GaveUp.

    When it fails in the middle some have it and some have not: to give it again is safe, and gives it to all.
    """
    key, value = command.notification_id.encode(), codec.encode(command)
    return [producer.send(lane, key, value, partition=number) for lane in FANOUTS for number in range(partitions)]


def read(reader: Consumer, notification_id: str, lane: str) -> Control | None:
    """How a notification of a fan-out lane stands; None: nobody has controlled it. Raises KafkaException, GaveUp.

    Reads the compacted state of all campaigns of that lane: a record for each partition of each campaign of 90 days.
    """
    topic, key, last = campaigns_topic(lane), notification_id.encode(), dict[int, bytes | None]()

    def note(message: Message) -> None:
        if message.key() == key:
            last[int(message.partition() or 0)] = message.value()

    marks = watermarks(reader, topic)
    starts, stops = ({(topic, number): mark[end] for number, mark in marks.items()} for end in (0, 1))
    read_all(reader, starts, stops, note)
    return control_of(msgspec.msgpack.decode(value, type=Campaign) for value in last.values() if value is not None)


def control_of(campaigns: Iterable[Campaign]) -> Control | None:
    """All partitions of one campaign, put together."""
    known = list(campaigns)
    if not known:
        return None
    states = Counter(one.state for one in known)
    return Control(dict(states), sum(len(one.held) for one in known), max(one.per_second for one in known))


def told(control: Control) -> str:
    """One line for people."""
    said = [f"{state} on {number} partitions" for state, number in sorted(control.states.items()) if state != RUNNING]
    said += [f"{control.waiting} commands wait"] if control.waiting else []
    said += [f"at most {control.per_second:,} users a second"] if control.per_second else []
    return f"control: {', '.join(said) or 'running'}"
