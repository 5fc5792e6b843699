"""Which notifications an upstream event asks for. Pure.

The same event under the same rules gives the same ids and the same bytes, but for `accepted_at`.
"""

from schemas import ids
from schemas.debezium import UpstreamEvent
from schemas.records import Audience, Notification, NotificationRequested
from streams.audience.expression import ExpressionInvalid, parse
from streams.intake.errors import RuleUnfit
from streams.intake.overrides import filled
from streams.intake.parts import AudienceRule, Condition, DataField
from streams.intake.payload import look_up, moment_ms
from streams.intake.trigger import Trigger
from streams.intake.trigger import Triggers as Triggers
from streams.intake.values import Fields, field_of, missing, text, user_id, value_of
from streams.policy.local import all_due

MS_PER_S = 1000


def decide(event: UpstreamEvent, fields: Fields, triggers: Triggers, now_ms: int) -> list[NotificationRequested]:
    """The requests of an event, in the order of the rules' names; none when no rule is about it.

    `fields` is its decoded payload. One rule that does not fit refuses the whole event, so that a replay gives all of its requests.
    Raises RuleUnfit.
    """
    return [
        _request(event, fields, rule, triggers.version, now_ms)
        for rule in triggers.about(event.event_type)
        if all(_holds(rule, condition, fields) for condition in rule.when)
    ]


def notification_id(event: UpstreamEvent, rule: str) -> str:
    """The notification that a rule makes of an event. A contract: what was sent is known by it for good."""
    return ids.notification_id(f"{event.source}#{rule}", event.event_id)


def _holds(rule: Trigger, condition: Condition, fields: Fields) -> bool:
    found, value = look_up(fields, condition.field)
    if not found:
        raise missing(rule, condition.field, fields)
    try:
        return condition.holds(value)
    except TypeError as error:
        raise RuleUnfit(rule.name, condition.field, str(error)) from error


def _request(event: UpstreamEvent, fields: Fields, rule: Trigger, version: str, now_ms: int) -> NotificationRequested:
    not_before, local_minute = _not_before(rule, event, fields), rule.schedule.local_minute if rule.schedule else None
    due = all_due(event.occurred_at, not_before, local_minute)
    notification = Notification(
        notification_id=notification_id(event, rule.name),
        event_type=event.event_type,
        source=event.source,
        campaign=text(rule, rule.campaign_field, fields) if rule.campaign_field else "",
        template_id=rule.template,
        template_version=rule.template_version,
        category=rule.category,
        priority=rule.priority,
        channels=list(rule.channels),
        data={variable: value_of(rule, data, fields) for variable, data in sorted(rule.data.items())},
        occurred_at=event.occurred_at,
        accepted_at=now_ms,
        expires_at=None if rule.expires_after_s is None else due + rule.expires_after_s * MS_PER_S,
        not_before=not_before,
        local_minute=local_minute,
        digest_key=_digest_key(rule, fields),
        actor=text(rule, rule.digest.actor, fields) if rule.digest and rule.digest.actor else "",
        overrides=None if rule.overrides is None else filled(rule, rule.overrides, fields, digested=rule.digest is not None),
    )
    return NotificationRequested(notification, _audience(rule, rule.audience, fields), event.event_id, version)


def _digest_key(rule: Trigger, fields: Fields) -> str:
    """The rule's name and the values, so that two rules never share a digest."""
    if rule.digest is None:
        return ""
    return ":".join([rule.name, *(value_of(rule, DataField(field=field), fields) for field in rule.digest.by)])


def _not_before(rule: Trigger, event: UpstreamEvent, fields: Fields) -> int | None:
    if rule.schedule is None:
        return None
    if rule.schedule.at_field:
        return moment_ms(rule.name, rule.schedule.at_field, field_of(rule, rule.schedule.at_field, fields))
    return None if rule.schedule.delay_s is None else event.occurred_at + rule.schedule.delay_s * MS_PER_S


def _audience(rule: Trigger, audience: AudienceRule, fields: Fields) -> Audience:
    if audience.expression:
        return Audience(expression=audience.expression)
    if audience.expression_field:
        return Audience(expression=_expression(rule, audience.expression_field, fields))
    value = field_of(rule, audience.users_field, fields)
    users = value if isinstance(value, list) else [value]
    if not users:
        raise RuleUnfit(rule.name, audience.users_field, "names no user")
    return Audience(users=list(dict.fromkeys(user_id(rule, audience.users_field, user) for user in users)))


def _expression(rule: Trigger, field: str, fields: Fields) -> str:
    expression = text(rule, field, fields)
    try:
        parse(expression)
    except ExpressionInvalid as error:
        raise RuleUnfit(rule.name, field, str(error)) from error
    return expression
