"""Campaigns that are paused, resumed and cancelled all the time."""

import random
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ops.cli.context import codec
from ops.cli.controlling import write
from ops.cli.producing import LogProducer
from schemas.clock import now_ms
from schemas.records import ControlCampaign, NotificationRequested, Priority
from schemas.topics import DEFAULT_PARTITIONS, REQUESTS
from tests.faults.log import Entry
from tests.faults.stage import Stage

EVERY_S = 0.4
DICE = ("pause",) * 6 + ("resume",) * 6 + ("cancel",)


@contextmanager
def controlled(stage: Stage) -> Iterator[None]:
    """Somebody presses all buttons of one of the last two campaigns; in the end all of them are resumed."""
    stopping, dice, pressed = threading.Event(), random.Random(stage.plan.seed), set[str]()
    with codec(stage.endpoints) as wire:
        producer = LogProducer(stage.endpoints.kafka)

        def press(notification: str, action: str) -> None:
            command = ControlCampaign(notification_id=notification, command_id=str(uuid.uuid4()), action=action, by="faults", at=now_ms())
            write(command, producer, wire, DEFAULT_PARTITIONS)
            stage.phases[action] = stage.phases.get(action, 0) + 1

        def go_on() -> None:
            while not stopping.wait(dice.uniform(EVERY_S / 2, EVERY_S)):
                for notification in campaigns(stage.view.entries)[-2:]:
                    pressed.add(notification)
                    press(notification, dice.choice(DICE))

        thread = threading.Thread(target=go_on, name="control", daemon=True)
        thread.start()
        yield
        stopping.set()
        thread.join()
        for notification in pressed:
            press(notification, "resume")


def campaigns(entries: Mapping[str, list[Entry]]) -> list[str]:
    """The notifications of sales, in the order they were asked for."""
    requests: list[Any] = [entry.record for entry in list(entries[REQUESTS]) if isinstance(entry.record, NotificationRequested)]
    return list(dict.fromkeys(one.notification.notification_id for one in requests if one.notification.priority == Priority.LOW))
