"""Looks for a notification among the dead letters: as a request, as an upstream event, as a command, as a batch."""

from collections.abc import Collection

from ops.cli.letters import DEAD, DeadLetterTopic, Filter, Letter
from schemas import ids
from schemas.debezium import ID_HEADER
from schemas.topics import FANOUTS, REQUESTS, events_topic
from streams.intake.loader import load_triggers

EVENTS = events_topic("")


def refused(notification_id: str, dead: DeadLetterTopic) -> str:
    """Why it was never planned: where its request or its upstream event is in the DLQ. Empty when it is not there."""
    letters = dead.letters().chosen(Filter(DEAD))
    for letter in letters:
        if letter.topic == REQUESTS and letter.key == notification_id:
            return f"never reached fan-out: {letter.step} refused its request: {letter.detail}; in the DLQ as {letter.id}"
    for letter in letters:
        if letter.topic.startswith(EVENTS) and notification_id in _would_be(letter, dead):
            return f"never reached fan-out: {letter.step} refused its upstream event: {letter.detail}; in the DLQ as {letter.id}"
    return ""


def held(dead: DeadLetterTopic, notification_id: str, partition: int, batch_ids: Collection[str]) -> list[Letter]:
    """The fan-out commands of a notification for one partition, and the deliver batches of these ids, that are in the DLQ."""
    return [
        letter
        for letter in dead.letters().chosen(Filter(DEAD))
        if (letter.topic in FANOUTS and letter.partition == partition and letter.key == notification_id) or letter.key in batch_ids
    ]


def _would_be(letter: Letter, dead: DeadLetterTopic) -> set[str]:
    """The notifications the event would have become."""
    event_id = dead.whole(letter).headers.get(ID_HEADER, b"").decode(errors="replace")
    return {ids.notification_id(f"{letter.topic}#{rule.name}", event_id) for rule in load_triggers().rules}
