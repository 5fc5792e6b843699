"""People of the end-to-end tests: made, told things, and asked about."""

from collections.abc import Mapping

import msgspec

from ops.cli.producing import LogProducer
from ops.cli.standing import Standing
from ops.cli.status import read
from ops.fleet.settings import FleetSettings, worker_settings
from projections.cassandra.reader import Reader
from projections.cassandra.timeline import Event
from schemas import ids
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.partition import partition_of
from schemas.records import (
    Audience,
    Device,
    Notification,
    NotificationRequested,
    Priority,
    Profile,
    ProfileChanged,
    ProfilesChanged,
    UserSeen,
)
from schemas.topics import FANOUT, PROFILE_EVENTS, PROFILES, REQUESTS
from streams.step.reader import LogReader
from tests.e2e.conftest import eventually
from tests.e2e.test_cli import Answer, reached

BINDS_MS = 500
"""After a change is a profile (docs/guarantees.md)."""
DATA: dict[str, dict[str, str]] = {
    "login_code": {},
    "item_liked": {"actor": "Ann", "item": "Lamp"},
    "order_placed": {"name": "Ann", "order_id": "1", "total": "2 EUR"},
}


class World:
    """Makes people, tells them things, and asks why."""

    def __init__(self, settings: FleetSettings, wire: Codec, answer: Answer, stored: Reader) -> None:
        self._log, self._settings, self._wire = LogProducer(settings.endpoints.kafka), settings, wire
        self._answer, self._stored = answer, stored
        self._reader = LogReader(settings.endpoints.kafka, "e2e.why")
        self._asked = 0

    def close(self) -> None:
        """Leave the log."""
        self._reader.close()

    def person(self, user: str, **changed: object) -> None:
        """Known, and reached by what is sent to them from now on, unless they do not want to be."""
        told = {"channels": ["push", "email", "in_app"], "devices": [Device("ios", f"t-{user}")], "email": f"{user}@example.com"}
        for number, wishes in enumerate([told, told | changed]):  # first as anybody, to see them arrive
            change = msgspec.structs.replace(ProfileChanged(user, "import", now_ms() + number, now_ms()), **wishes)
            self._write(PROFILE_EVENTS, user, ProfilesChanged([change]))
            eventually(lambda change=change: self._binds(change))
            if not number:
                eventually(lambda: reached(self._settings.endpoints, user, "low"))

    def tell(self, user: str, category: str, template: str = "item_liked", **changed: object) -> str:
        """Ask for a notification; returns its id."""
        self._asked += 1
        key, now = f"{user}-{self._asked}", now_ms()
        made = Notification(
            notification_id=ids.notification_id("e2e", key),
            event_type="e2e",
            source="e2e",
            campaign="",
            template_id=template,
            template_version=1,
            category=category,
            priority=Priority.NORMAL,
            channels=["push", "email", "in_app"],
            data=DATA[template],
            occurred_at=now,
            accepted_at=now,
        )
        made = msgspec.structs.replace(made, **changed)
        self._write(REQUESTS, made.notification_id, NotificationRequested(made, Audience([user]), key), partition=-1)
        return made.notification_id

    def seen(self, user: str) -> None:
        """They opened the app."""
        self._write(FANOUT, user, UserSeen(user, now_ms(), "e2e"))

    def counts(self, notification_id: str) -> dict[str, Mapping[str, int]]:
        """Recipients by channel and status, once all have an end."""
        done: Standing = eventually(lambda: (found := read(self._stored, notification_id)) and found.complete and found)
        return {name: channel.outcomes for name, channel in done.channels.items()}

    def decided(self, notification_id: str) -> list[Event]:
        """What is known of a notification as soon as everybody was decided: who was handed over is not in it."""
        eventually(lambda: self._stored.progress(notification_id).complete)
        return self._stored.events(notification_id)

    def why(self, user: str, notification_id: str) -> dict[str, str]:
        """What `carillon why` says of each channel, once all have an end."""
        self.counts(notification_id)
        told = self._answer("why", user, notification_id)
        return {one["channel"]: one["verdict"] for one in told["channels"]}

    def suppressed(self, user: str) -> dict[str, str] | None:
        """Their addresses that are out of use, when the last profile of their partition is theirs, and binds; else None."""
        last = self._reader.last_record(PROFILES, partition_of(user, worker_settings().partitions))
        if last is None or last.key() != user.encode() or now_ms() <= last.timestamp()[1] + BINDS_MS:
            return None
        return self._wire.decode(last.value(), Profile).suppressed

    def _binds(self, change: ProfileChanged) -> bool:
        """Whether it is a profile, and has been one for long enough."""
        last = self._reader.last_record(PROFILES, partition_of(change.user_id, worker_settings().partitions))
        mine = last is not None and last.key() == change.user_id.encode() and last.timestamp()[1] >= change.occurred_at
        return mine and now_ms() > last.timestamp()[1] + BINDS_MS  # type: ignore[union-attr]

    def _write(self, topic: str, user: str, record: object, partition: int | None = None) -> None:
        place = partition_of(user, worker_settings().partitions) if partition is None else partition
        self._log.send(topic, user.encode(), self._wire.encode(record), partition=place)  # type: ignore[arg-type]
