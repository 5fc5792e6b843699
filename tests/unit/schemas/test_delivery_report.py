"""Only an offset proves that a record was written (KAFKA-15591)."""

from confluent_kafka import KafkaError, Message

from schemas.delivery_report import not_written


def test_an_offset_is_proof() -> None:
    assert not_written(None, Message(topic="t", partition=1, offset=0)) is None


def test_success_without_an_offset_is_not() -> None:
    refusal = not_written(None, Message(topic="t", partition=1, offset=-1001))
    assert refusal is not None
    assert "KAFKA-15591" in refusal.str()


def test_an_error_is_told_as_it_is() -> None:
    error = KafkaError(KafkaError._MSG_TIMED_OUT)
    assert not_written(error, Message(topic="t", partition=1, offset=-1001)) is error
