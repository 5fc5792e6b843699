"""What a producer's delivery report proves."""

from confluent_kafka import KafkaError, Message

UNPROVEN = "acknowledged without an offset: it may not be in the log (KAFKA-15591)"


def not_written(error: KafkaError | None, message: Message) -> KafkaError | None:
    """Why a record is not known to be in the log; None when it is there, at the offset that `message` names.

    An idempotent producer sends A, then B, to a partition whose leader is just taking over. The leader refuses A, and a moment later takes
    B, though B's sequence is not the first: of this producer it knows nothing yet (KAFKA-15591; Kafka 4.5 mends it for empty partitions).
    librdkafka (2.16) concludes from B that A must be there as well and reports success for A, without an offset. A is lost.
    """
    if error is None and message.offset() is None:
        return KafkaError(KafkaError._APPLICATION, UNPROVEN)
    return error
