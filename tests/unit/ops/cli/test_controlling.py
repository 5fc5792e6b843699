"""Control of campaigns on the command line: to every partition of both lanes, and told as it is known."""

from typing import cast

import pytest
from confluent_kafka import Consumer

from ops.cli import controlling
from ops.cli.asking import rate_of
from ops.cli.controlling import Control, control_of, told, write
from ops.cli.errors import BadRequest
from ops.cli.producing import LogProducer, Place
from ops.cli.standing import standing
from ops.cli.status import rendered
from projections.cassandra.timeline import Progress
from schemas.records import ControlCampaign
from schemas.topics import FANOUTS
from streams.audience.campaigns import put
from streams.audience.control import CANCELLED, PAUSED, Campaign
from tests.unit.ops.cli.test_standing import HEADER
from tests.unit.streams.make import NID, codec, control


class Producer:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, bytes | None, bytes | None]] = []

    def send(self, topic: str, key: bytes | None, value: bytes | None, *, partition: int) -> Place:
        self.written.append((topic, partition, key, value))
        return Place(topic, partition, 0)


def test_a_command_goes_to_every_partition_of_both_lanes_in_the_same_bytes() -> None:
    producer, wire, command = Producer(), codec(), control("rate", per_second=500)
    places = write(command, cast(LogProducer, producer), wire, 4)
    assert [(topic, number) for topic, number, _, _ in producer.written] == [(lane, number) for lane in FANOUTS for number in range(4)]
    assert [(place.topic, place.partition) for place in places] == [(topic, number) for topic, number, _, _ in producer.written]
    (value,) = {value for _, _, _, value in producer.written}
    assert wire.decode(value, ControlCampaign) == command
    assert {key for _, _, key, _ in producer.written} == {NID.encode()}


@pytest.mark.parametrize(("text", "rate"), [("500/s", 500), ("500", 500), ("1/s", 1), ("off", 0)])
def test_a_rate_is_users_a_second(text: str, rate: int) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "0", "0/s", "-5", "5/m", "five", "5 /s", "99999999999"])
def test_what_is_no_rate_is_said(text: str) -> None:
    with pytest.raises(BadRequest, match="is no rate: a number of users a second, as in 500/s, or off"):
        rate_of(text)


@pytest.mark.parametrize(
    ("campaigns", "said"),
    [
        ([Campaign(state=PAUSED, held=("1", "2"))] * 3 + [Campaign()], "control: paused on 3 partitions, 6 commands wait"),
        ([Campaign(state=CANCELLED)] * 8, "control: cancelled on 8 partitions"),
        ([Campaign(per_second=5000)], "control: at most 5,000 users a second"),
        ([Campaign()], "control: running"),
    ],
)
def test_how_it_stands_is_one_line(campaigns: list[Campaign], said: str) -> None:
    control = control_of(campaigns)
    assert control
    assert told(control) == said


def test_nobody_has_controlled_it() -> None:
    assert control_of([]) is None


def test_status_shows_it() -> None:
    one = standing(HEADER, Progress(0, 0, False, {}, {}), {}, [], Control({PAUSED: 8}, 3, 0))
    assert "control: paused on 8 partitions, 3 commands wait" in rendered(one).renderables
    assert not any("control" in str(part) for part in rendered(standing(HEADER, Progress(0, 0, False, {}, {}), {}, [])).renderables)


class Record:
    """A record of the table's changelog."""

    def __init__(self, key: bytes, value: bytes | None, partition: int) -> None:
        self._key, self._value, self._partition = key, value, partition

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def partition(self) -> int:
        return self._partition


def test_the_last_state_of_each_partition_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(name: str, campaign: Campaign, partition: int) -> Record:
        return Record(name.encode(), put(name.encode(), campaign).value, partition)

    records = [
        row("n", Campaign(state=PAUSED, held=("1",)), 0),
        Record(b"n\0001", b"a command", 0),
        row("n", Campaign(state=PAUSED), 1),
        row("other", Campaign(state=CANCELLED), 1),
        row("n", Campaign(), 0),
    ]
    monkeypatch.setattr(controlling, "watermarks", lambda reader, topic: {0: (0, 3), 1: (5, 7)})

    def read_all(reader: Consumer, starts: object, stops: object, visit: object) -> None:
        topic = "notify.changelog.campaigns.urgent"
        assert (starts, stops) == ({(topic, 0): 0, (topic, 1): 5}, {(topic, 0): 3, (topic, 1): 7})
        for record in records:
            visit(record)  # type: ignore[operator]

    monkeypatch.setattr(controlling, "read_all", read_all)
    assert controlling.read(cast(Consumer, None), "n", FANOUTS[1]) == Control({"running": 1, PAUSED: 1}, 0, 0)
    assert controlling.read(cast(Consumer, None), "never", FANOUTS[1]) is None
