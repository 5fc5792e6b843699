"""Who was seen in the app, by an upstream event. Pure."""

from schemas.debezium import UpstreamEvent
from schemas.records import UserSeen
from streams.intake.trigger import Triggers
from streams.intake.values import Fields, field_of, user_id


def seen(event: UpstreamEvent, fields: Fields, triggers: Triggers) -> list[UserSeen]:
    """The users; nobody, by most events. Raises RuleUnfit."""
    return [
        UserSeen(user_id(rule, rule.user_field, field_of(rule, rule.user_field, fields)), event.occurred_at, event.source)
        for rule in triggers.seen_by(event.event_type)
    ]
