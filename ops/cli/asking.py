"""What a person asks for on the command line, as a request; and everything that is wrong with it, found before anything is sent. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from ops.cli.errors import BadRequest
from ops.cli.times import UNITS_MS
from providers.catalogue import Templates
from providers.content import Template
from providers.errors import ProviderError
from schemas import ids
from schemas.errors import RecordRefused
from schemas.records import Audience, Notification, NotificationRequested, Overrides, Priority
from schemas.topics import CHANNELS
from streams.audience.expression import parse
from streams.intake.parts import minute_of
from streams.planner.rules import check as check_plannable
from streams.planner.rules import plan
from streams.policy.local import all_due
from streams.policy.policy import Policy

SOURCE = "api:cli"
_RATE = re.compile(r"(\d{1,9})(?:/s)?")
_DURATION = re.compile(r"(\d{1,6})([smhd])")


@dataclass(frozen=True)
class Schedule:
    """When: at a time (epoch ms), or so long from now; and at which minute of the day where a recipient is, the first one from then on."""

    at: int | None = None
    delay_ms: int | None = None
    local_minute: int | None = None

    def not_before(self, now: int) -> int | None:
        """The time before which nobody is told (epoch ms); None: there is none."""
        return self.at if self.delay_ms is None else now + self.delay_ms


NOW = Schedule()


@dataclass(frozen=True)
class Asked:
    """One notification as asked for. No `channels`: all that the template and Carillon have; no `version`: the newest.

    `own`: data of the users' own, parallel to them, or empty. `users_in_all`: of a list in parts, of which `users` are the first; 0: there
    are no others.
    """

    event_type: str
    template: str
    category: str
    priority: str
    users: Sequence[str] = ()
    expression: str = ""
    campaign: str = ""
    channels: Sequence[str] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    expires_after_ms: int | None = None
    schedule: Schedule = NOW
    users_in_all: int = 0
    own: Sequence[dict[str, str]] = ()
    overrides: Overrides | None = None


def request_of(asked: Asked, key: str, now: int, templates: Templates, policy: Policy) -> NotificationRequested:
    """The request, checked as every later step will check it. Raises BadRequest that says what is wrong and what there is."""
    template = _template(asked, templates)
    not_before, local_minute = asked.schedule.not_before(now), asked.schedule.local_minute
    if not_before is not None and not_before <= now:
        raise BadRequest(f"--at: that was {(now - not_before) / 1000:.0f} s ago")
    notification = Notification(
        notification_id=ids.notification_id(SOURCE, key),
        event_type=asked.event_type,
        source=SOURCE,
        campaign=asked.campaign,
        template_id=template.id,
        template_version=template.version,
        category=asked.category,
        priority=_priority(asked.priority),
        channels=_channels(asked, template),
        data=dict(sorted(asked.data.items())),
        occurred_at=now,
        accepted_at=now,
        expires_at=None if asked.expires_after_ms is None else all_due(now, not_before, local_minute) + asked.expires_after_ms,
        not_before=not_before,
        local_minute=local_minute,
        overrides=asked.overrides,
    )
    audience = Audience(list(dict.fromkeys(asked.users)), asked.expression, list(asked.own))
    request = NotificationRequested(notification, audience, key, users_in_all=asked.users_in_all)
    _check(request, template, policy)
    return request


def fitting(asked: Asked, templates: Templates) -> Callable[[Mapping[str, str]], None]:
    """A check of data of a recipient's own: raises BadRequest unless they are, over the common data, what the template declares."""
    template = _template(asked, templates)

    @lru_cache(1000)
    def check(names: frozenset[str]) -> None:
        try:
            for channel in _channels(asked, template):
                template.check(channel, {**asked.data, **dict.fromkeys(names, "")})
        except ProviderError as error:
            raise BadRequest(str(error)) from error

    return lambda own: check(frozenset(own))


def variables(pairs: Iterable[str]) -> dict[str, str]:
    """`name=value` as a dict; the value may hold further equals signs. Raises BadRequest."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadRequest(f"--data {pair!r}: expected name=value")
        if name in found:
            raise BadRequest(f"--data {name} is given twice")
        found[name] = value
    return found


def duration_ms(text: str) -> int:
    """`90s`, `10m`, `6h`, `2d` in ms. Raises BadRequest."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise BadRequest(f"{text!r} is no duration: a number and one of s, m, h, d, as in 10m")
    return int(match[1]) * UNITS_MS[match[2]]


def schedule_of(at: str | None, delay: str | None, at_local: str | None) -> Schedule:
    """The options --at, --delay and --at-local. Raises BadRequest."""
    if at is not None and delay is not None:
        raise BadRequest("--at and --delay: one of them")
    return Schedule(
        None if at is None else _moment(at), None if delay is None else duration_ms(delay), None if at_local is None else _minute(at_local)
    )


def _moment(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"--at {text!r}: a time with its offset, as in 2026-12-01T09:00+01:00 or 2026-12-01T08:00Z") from None
    if when.tzinfo is None:
        raise BadRequest(f"--at {text!r}: where? with an offset, as in {text}Z or {text}+01:00; or --at-local, where each recipient is")
    return int(when.timestamp() * 1000)


def _minute(text: str) -> int:
    try:
        return minute_of(text)
    except ValueError as error:
        raise BadRequest(f"--at-local {error}") from None


def rate_of(text: str) -> int:
    """`500/s`, or `500`, as users a second; `off` is 0: no limit. Raises BadRequest."""
    match = _RATE.fullmatch(text)
    if text != "off" and (match is None or int(match[1]) == 0):
        raise BadRequest(f"{text!r} is no rate: a number of users a second, as in 500/s, or off")
    return int(match[1]) if match else 0


def names(given: Iterable[str]) -> list[str]:
    """Options that may be repeated, and hold several names with commas between them."""
    return [name.strip() for one in given for name in one.split(",") if name.strip()]


def _template(asked: Asked, templates: Templates) -> Template:
    try:
        return templates.get(asked.template, asked.version)
    except ProviderError as error:
        raise BadRequest(str(error)) from error


def _priority(text: str) -> Priority:
    try:
        return Priority(text)
    except ValueError:
        raise BadRequest(f"no priority {text!r}; there are {', '.join(Priority)}") from None


def _channels(asked: Asked, template: Template) -> list[str]:
    if asked.channels:
        return list(dict.fromkeys(asked.channels))
    return [channel for channel in CHANNELS if _has(template, channel)]


def _has(template: Template, channel: str) -> bool:
    try:
        template.check(channel, dict.fromkeys(template.variables, ""))
    except ProviderError:
        return False
    return True


def _check(request: NotificationRequested, template: Template, policy: Policy) -> None:
    notification = request.notification
    if idle := [
        name for name in Overrides.__struct_fields__ if getattr(notification.overrides, name, None) and name not in notification.channels
    ]:
        raise BadRequest(f"overrides: {', '.join(idle)}: it goes to {', '.join(notification.channels)}")
    try:
        check_plannable(request, CHANNELS)
        policy.of(notification)
        parse(request.audience.expression)
        plan(request, 1)
        for channel in notification.channels:
            for own in request.audience.data or [{}]:
                template.check(channel, {**notification.data, **own})
    except (RecordRefused, ProviderError) as error:
        raise BadRequest(str(error)) from error
