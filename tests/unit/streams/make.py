"""Records for tests, each with what the test does not care about filled in."""

from collections.abc import Callable
from typing import Any

import msgspec

from providers.base import AnyProvider
from providers.registry import Route
from schemas import contract
from schemas.codec import Codec
from schemas.provision import subjects
from schemas.records import (
    Audience,
    ControlCampaign,
    DeliverBatch,
    Device,
    ExpandAudience,
    Notification,
    NotificationRequested,
    Priority,
    Profile,
    ProfileChanged,
)
from schemas.registry import MemoryRegistry
from schemas.topics import catalogue
from streams.delivery.shares import Shares, Standing
from streams.policy.policy import CHECKS, CategoryPolicy, Retry
from streams.policy.policy import Route as ChannelRoute

NOW = 1_700_000_000_000
NID = "7d6f3f0e-8a53-4a3e-9d35-6a0d7c1f5a11"
ALL = ("push", "email", "in_app")


def codec(registry: MemoryRegistry | None = None) -> Codec:
    """A codec with every record type registered."""
    registry, of = registry or MemoryRegistry(), subjects(catalogue())
    for kind, subject in of.items():
        registry.register(subject, contract.schema_json(kind.__name__))
    return Codec(registry, of)


def notification(**changed: Any) -> Notification:
    made = Notification(
        notification_id=NID,
        event_type="order.placed",
        source="test",
        campaign="",
        template_id="order_placed",
        template_version=1,
        category="transactional",
        priority=Priority.NORMAL,
        channels=list(ALL),
        data={"order_id": "1", "total": "9.99", "name": "Ann"},
        occurred_at=NOW,
        accepted_at=NOW,
    )
    return msgspec.structs.replace(made, **changed)


def request(*, users: tuple[str, ...] = (), expression: str = "", key: str = "k", **changed: Any) -> NotificationRequested:
    return NotificationRequested(notification(**changed), Audience(list(users), expression), key)


def profile(user: str = "ann", **changed: Any) -> Profile:
    made = Profile(
        user_id=user,
        channels=list(ALL),
        email=f"{user}@example.com",
        phone="+4915112345678",
        phone_verified=True,
        devices=[Device("ios", f"tok-{user}")],
        updated_at=NOW,
        applied_offset=0,
    )
    return msgspec.structs.replace(made, **changed)


def change(user: str = "ann", source: str = "api", position: int = 0, **changed: Any) -> ProfileChanged:
    return msgspec.structs.replace(ProfileChanged(user, source, position, NOW), **changed)


def command(**changed: Any) -> ExpandAudience:
    return msgspec.structs.replace(ExpandAudience(notification=notification(), partitions=1), **changed)


def control(action: str, at: int = NOW, command_id: str = "", **changed: Any) -> ControlCampaign:
    made = ControlCampaign(notification_id=NID, command_id=command_id or f"{action}@{at}", action=action, by="test", at=at)
    return msgspec.structs.replace(made, **changed)


def batch(*users: str, channel: str = "push", batch_id: str = "b-1", **changed: Any) -> DeliverBatch:
    return DeliverBatch(batch_id, notification(**changed), channel, list(users), [0] * len(users), "p-1", NOW, 0)


def shares(*providers: AnyProvider, clock: Callable[[], int] = lambda: NOW) -> Shares:
    """The providers of a channel, of equal weight."""
    return Shares({each.declaration.name: Route(each) for each in providers}, Standing(clock))


def binding(*checks: str, **changed: Any) -> CategoryPolicy:
    """A category that is bound by these checks (none given: by all)."""
    made = CategoryPolicy(
        name="transactional",
        **{check: check in (checks or CHECKS) for check in CHECKS},
        defers=True,
        a_day=100,
        expires_after_ms=None,
        resend_unknown=False,
        retry=Retry(3_600_000, 1_000, 60_000),
        routes=dict.fromkeys(Priority, ChannelRoute(ALL)),
    )
    return msgspec.structs.replace(made, **changed)


def unbound(**changed: Any) -> CategoryPolicy:
    """A category that chooses to be bound by nothing."""
    return binding(**dict.fromkeys(CHECKS, False), **changed)
