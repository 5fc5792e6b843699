"""A notification as it was asked for."""

from typing import Any

import msgspec

from projections.base import Position
from projections.cassandra.lines import millis, moment_ms


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The request. Times in epoch ms; `position`: where it is in notify.requests. `local_minute`: of the day where a recipient is."""

    notification_id: str
    event_type: str
    source: str
    campaign: str
    template_id: str
    template_version: int
    category: str
    priority: str
    channels: list[str]
    data: dict[str, str]
    occurred_at: int
    accepted_at: int
    expires_at: int | None
    audience_users: int
    audience_expression: str
    idempotency_key: str
    rules_version: str
    position: Position
    not_before: int | None = None
    local_minute: int | None = None
    overrides: str = ""
    """What it has beside its text, in words (`projections.overrides`)."""

    @property
    def audience(self) -> str:
        """Who was asked for, in words."""
        return audience_of(self.audience_expression, self.audience_users)


def audience_of(expression: str, users: int) -> str:
    """An expression and a number of named users, in words."""
    named = f"{users} named users" if users or not expression else ""
    return " and ".join(filter(None, (expression, named)))


_SAME = (
    "notification_id", "event_type", "source", "campaign", "template_id", "template_version", "category", "priority", "audience_users",
    "audience_expression", "idempotency_key", "rules_version", "local_minute",
)  # fmt: skip


def header_of(row: Any) -> Header | None:
    """A row of `notifications`; None when its statuses have come but the request itself not yet."""
    if row is None or row.accepted_at is None:
        return None
    return Header(
        **{name: getattr(row, name) for name in _SAME},
        channels=list(row.channels or []),
        data=dict(row.data or {}),
        occurred_at=moment_ms(row.occurred_at),
        accepted_at=moment_ms(row.accepted_at),
        expires_at=millis(row.expires_at),
        not_before=millis(row.not_before),
        overrides=row.overrides or "",
        position=Position(row.request_topic, row.request_partition, row.request_offset),
    )
