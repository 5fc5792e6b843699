"""Starting a projection over: its group goes back to offset 0, and the next run writes every record again into the same tables.

That changes no row and no figure for what was written; it brings back what was lost. Tables are not emptied: topics keep 7 days, tables 90.
"""

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from projections.errors import GroupBusy
from projections.log import partitions
from projections.settings import Addresses, Settings

TIMEOUT_S = 15.0
_BUSY = (KafkaError.NON_EMPTY_GROUP, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.GROUP_SUBSCRIBED_TO_TOPIC)


def rebuild(name: str, addresses: Addresses, settings: Settings | None = None) -> int:
    """Reset the group of a projection, which must be stopped; returns how many partitions. Then `run` it.

    Raises GroupBusy while a consumer of the group is alive (or was killed less than a session time-out ago), TopicUnreadable.
    """
    settings = settings or Settings()
    admin, group = AdminClient({"bootstrap.servers": addresses.kafka}), settings.group(name)
    places = partitions(admin, list(settings.inputs))
    request = [ConsumerGroupTopicPartitions(group, places)]
    try:
        answer = admin.alter_consumer_group_offsets(request, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
    except KafkaException as error:
        raise _reason(group, error.args[0]) from error
    for place in answer.topic_partitions:
        if place.error is not None:
            raise _reason(group, place.error)
    return len(places)


def _reason(group: str, error: KafkaError) -> Exception:
    if error.code() in _BUSY:
        return GroupBusy(f"{group} has consumers: stop them first ({error.str()})")
    refused: Exception = KafkaException(error)
    return refused
