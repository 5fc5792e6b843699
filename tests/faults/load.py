"""What goes in: people, a campaign, single notifications, and changes of mind in between. All of it follows from the seed."""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from ops.demo.upstream.events import EventWriter, aggregate_of
from ops.endpoints import Endpoints
from schemas.clients import producer_config
from schemas.clock import now_ms
from schemas.codec import Codec
from schemas.delivery_report import not_written
from schemas.ids import notification_id
from schemas.partition import partition_of
from schemas.provision import subjects
from schemas.records import (
    Audience,
    Device,
    Notification,
    NotificationRequested,
    Output,
    Priority,
    ProfileChanged,
    ProfilesChanged,
    SetTimer,
)
from schemas.registry import ConfluentRegistry
from schemas.topics import DEFAULT_PARTITIONS, PROFILE_EVENTS, REQUESTS, TIMERS, catalogue, events_topic
from tests.faults.asked import Asked

CHANGES_PER_RECORD = 500
CAMPAIGN = ("push", "email", "in_app")
PATIENCE_MS = 300_000
"""A broker may be down for a while."""
ORDER = ("push", "email", "in_app")
LOGIN = ("push",)
LATER_MS = 4000
LIKE, OWNERS, ACTORS = ("push", "in_app"), 20, ("Ann", "Bo", "Cy", "Di")


class Load:
    """Writes to the log as upstream would."""

    def __init__(self, endpoints: Endpoints, users: int, seed: int) -> None:
        self._registry = ConfluentRegistry(endpoints.registry)
        self._codec = Codec(self._registry, subjects(catalogue()))
        self._events = EventWriter(self._registry)
        self._producer = Producer(producer_config(endpoints.kafka) | {"delivery.timeout.ms": PATIENCE_MS})
        self._random = random.Random(seed)
        self._position = 0
        self.users = [f"u{number:06d}" for number in range(users)]
        self._everyone = frozenset(self.users)
        self.asked = Asked()
        self.urgent_at: dict[str, int] = {}
        """When each critical event was written, by its id."""
        self.poisoned: dict[tuple[str, int, int], int] = {}
        """Where there are records that must be refused (topic, partition, offset), and the CRC-32 of their bytes."""

    def people(self) -> int:
        """Everyone's first profile; returns how many records that took."""
        return self._write_changes([first_profile(number, user) for number, user in enumerate(self.users)])

    def campaign(self) -> str:
        """A sale for everybody; returns the event's id."""
        fields = {"sale_id": "s", "sale": "Spring", "percent": 20, "audience": "tag:sale"}
        return self._ask("sale.started", fields, self._everyone, CAMPAIGN)

    def order(self) -> str:
        """One person's order, of normal priority."""
        user = self._random.choice(self.users)
        fields = {"order_id": "o", "user_id": user, "name": "Ann", "total": "9.99"}
        return self._ask("order.placed", fields, frozenset({user}), ORDER)

    def reminder(self) -> str:
        """One person's, of normal priority, asked for by a timer that is due within seconds; half of them are moved."""
        user, later_ms = self._random.choice(self.users), self._random.randint(0, LATER_MS)
        event_id = self._event(frozenset({user}), ORDER)
        request, now = reminder(event_id, user, now_ms()), now_ms()
        write = Output(topic=REQUESTS, key=request.notification.notification_id.encode(), value=self._codec.encode(request))
        for due in [now + later_ms, now + later_ms // 2 + 1][: self._random.randint(1, 2)]:
            value = self._codec.encode(SetTimer(event_id, due, "schedule", write))
            partition = partition_of(user, DEFAULT_PARTITIONS)
            self._producer.produce(TIMERS, key=event_id.encode(), value=value, partition=partition, on_delivery=_written)
        self._producer.poll(0)
        return event_id

    def like(self, owners: int = OWNERS) -> str:
        """Somebody likes what one of a few people has: told at once, or in a digest with those that follow."""
        user, item, actor = self._random.choice(self.users[:owners]), self._random.randint(1, 2), self._random.choice(ACTORS)
        return self.request(lambda event_id: like(event_id, user, f"item-{item}", actor, now_ms()), {user})

    def request(self, make: Callable[[str], NotificationRequested], users: Iterable[str]) -> str:
        """What a service asks for by itself, `users` being those it is for; returns the event's id."""
        event_id = self._event(frozenset(users), ())
        request = make(event_id)
        self.asked.channels[event_id] = tuple(request.notification.channels)
        key = request.notification.notification_id.encode()
        self._producer.produce(REQUESTS, key=key, value=self._codec.encode(request), on_delivery=_written)
        self._producer.poll(0)
        return event_id

    def login(self) -> str:
        """One person's login code, of critical priority."""
        user = self._random.choice(self.users)
        event = self._ask("login.code_requested", {"user_id": user, "code": "123456"}, frozenset({user}), LOGIN)
        self.urgent_at[event] = now_ms()
        return event

    def change_of_mind(self) -> None:
        """Somebody turns channels on or off, in one place or another."""
        user, source = self._random.choice(self.users), self._random.choice(("api", "cdc:preferences"))
        channels = self._random.choice(([], ["push"], ["email"], ["push", "email", "in_app"]))
        self._position += 1
        self._write_changes([ProfileChanged(user, source, self._position, now_ms(), channels=channels)])

    def flush(self) -> None:
        """Wait until Kafka has it all."""
        if left := self._producer.flush(60):
            raise RuntimeError(f"{left} records could not be written")

    def close(self) -> None:
        """Write no more."""
        self._registry.close()

    def _ask(self, event_type: str, fields: dict[str, object], users: frozenset[str], channels: tuple[str, ...]) -> str:
        event_id = self._event(users, channels)
        self._producer.produce(
            events_topic(aggregate_of(event_type)),
            key=event_id.encode(),
            value=self._events.encode(event_type, fields),
            headers={"id": event_id.encode(), "eventType": event_type.encode()},
            on_delivery=_written,
        )
        self._producer.poll(0)
        return event_id

    def _event(self, users: frozenset[str], channels: tuple[str, ...]) -> str:
        event_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.asked.users[event_id], self.asked.channels[event_id] = users, channels
        return event_id

    def _write_changes(self, changes: list[ProfileChanged]) -> int:
        count = 0
        for partition, some in _by_partition(changes):
            value = self._codec.encode(ProfilesChanged(some))
            self._producer.produce(PROFILE_EVENTS, key=some[0].user_id.encode(), value=value, partition=partition, on_delivery=_written)
            self._producer.poll(0)
            count += 1
        return count


def _written(error: KafkaError | None, message: Message) -> None:
    if refusal := not_written(error, message):
        raise RuntimeError(f"the load can't be written: {refusal}")


def reminder(event_id: str, user: str, now: int) -> NotificationRequested:
    """As a service asks for one by itself."""
    notification = Notification(
        notification_id=notification_id("faults.reminder", event_id),
        event_type="order.reminder",
        source="faults.reminder",
        campaign="",
        template_id="order_placed",
        template_version=1,
        category="transactional",
        priority=Priority.NORMAL,
        channels=list(ORDER),
        data={"order_id": "o", "total": "9.99", "name": "Ann"},
        occurred_at=now,
        accepted_at=now,
    )
    return NotificationRequested(notification, Audience([user]), event_id)


def like(event_id: str, user: str, item: str, actor: str, now: int) -> NotificationRequested:
    """With a digest key, which it shares with others."""
    told = msgspec.structs.replace(
        reminder(event_id, user, now).notification,
        notification_id=notification_id("faults.like", event_id),
        event_type="item.liked",
        source="faults.like",
        template_id="item_liked",
        category="engagement",
        channels=list(LIKE),
        data={"actor": actor, "item": item},
        digest_key=item,
        actor=actor,
    )
    return NotificationRequested(told, Audience([user]), event_id)


def first_profile(number: int, user: str) -> ProfileChanged:
    """Of many kinds: some without a channel, without a device or an address, some who mute promotions, some with two devices."""
    channels = ["email"] if number % 10 == 1 else ["push", "email", "in_app"]
    devices = [] if number % 50 == 2 else [Device("ios", f"tok-{user}")]
    if number % 97 == 3:
        devices = [*devices, Device("android", f"tok2-{user}")]
    return ProfileChanged(
        user,
        "import",
        0,
        now_ms(),
        channels=channels,
        muted_categories=["promotional"] if number % 20 == 4 else [],
        email="" if number % 40 == 5 else f"{user}@example.com",
        devices=devices,
        tags=["sale"],
        whole=True,
    )


def _by_partition(changes: list[ProfileChanged]) -> Iterator[tuple[int, list[ProfileChanged]]]:
    homes: dict[int, list[ProfileChanged]] = {}
    for change in changes:
        homes.setdefault(partition_of(change.user_id, DEFAULT_PARTITIONS), []).append(change)
    for partition, mine in homes.items():
        for start in range(0, len(mine), CHANGES_PER_RECORD):
            yield partition, mine[start : start + CHANGES_PER_RECORD]
