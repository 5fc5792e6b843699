"""What a consumer gives: records, ends of partitions, errors that pass, and those that do not."""

from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from streams.step.reader import PASSING, records_of


class Event:
    """As confluent-kafka's message: a record when it has no error."""

    def __init__(self, code: int | None = None) -> None:
        self._code = code

    def error(self) -> KafkaError | None:
        return None if self._code is None else KafkaError(self._code)

    def topic(self) -> None: ...
    def partition(self) -> None: ...


def sorted_out(*events: Event) -> tuple[list[Message], list[Message]]:
    return records_of(cast(Any, events))


def test_records_and_ends_are_told_apart_in_order() -> None:
    one, two, end, other_end = Event(), Event(), Event(KafkaError._PARTITION_EOF), Event(KafkaError._PARTITION_EOF)
    assert sorted_out(one, end, two, other_end) == ([one, two], [end, other_end])
    assert sorted_out() == ([], [])


@pytest.mark.parametrize("code", sorted(PASSING))
def test_a_passing_error_is_said_and_passes(code: int, caplog: pytest.LogCaptureFixture) -> None:
    record = Event()
    assert sorted_out(Event(code), record) == ([record], [])
    assert len(caplog.records) == 1


def test_any_other_error_is_raised() -> None:
    with pytest.raises(KafkaException):
        sorted_out(Event(), Event(KafkaError.TOPIC_AUTHORIZATION_FAILED))
