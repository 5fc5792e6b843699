"""Trigger rules as data: what `triggers/*.yaml` may say. Each class checks itself and raises ValueError."""

import hashlib
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from schemas.records import Priority
from schemas.topics import CHANNELS
from streams.intake.overrides import OverridesRule, check_written
from streams.intake.parts import AudienceRule, Condition, DataField, DigestRule, Part, ScheduleRule

Category: TypeAlias = Literal["transactional", "engagement", "promotional", "system"]

_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")


class Sighting(Part, frozen=True, kw_only=True):
    """An event that says that a user opened the app, or read the inbox, when it happened."""

    name: str
    event: str
    user_field: str

    def __post_init__(self) -> None:
        if not self.name or not self.event or not self.user_field:
            raise ValueError("name, event and user_field must not be empty")


class Trigger(Part, frozen=True, kw_only=True):
    """One rule: on this event, under these conditions, ask for this notification."""

    name: str
    """Part of every id it makes: never rename a rule, write a new one."""
    event: str
    when: list[Condition] = []
    template: str
    template_version: int
    audience: AudienceRule
    category: Category
    priority: Priority
    channels: list[str] = []
    """Empty: what policy says for the category and priority, with its fallback."""
    expires_after_s: int | None = None
    data: dict[str, DataField] = {}
    """Template variable -> payload field."""
    campaign_field: str = ""
    schedule: ScheduleRule | None = None
    digest: DigestRule | None = None
    overrides: OverridesRule | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: lower-case letters and digits, joined by - _ or .")
        if not self.event or not self.template or self.template_version < 1:
            raise ValueError("event and template must not be empty, template_version must be 1 or more")
        if len(set(self.channels)) != len(self.channels) or not set(self.channels) <= set(CHANNELS):
            raise ValueError(f"channels {self.channels}: some of {', '.join(CHANNELS)}, each once")
        if self.expires_after_s is not None and self.expires_after_s < 1:
            raise ValueError(f"expires_after_s {self.expires_after_s}: must be 1 or more")
        if self.overrides is not None:
            check_written(self.overrides, self.channels, digested=self.digest is not None)


class Triggers:
    """All rules of a version. Immutable; equal when their versions are."""

    def __init__(self, rules: list[Trigger], sightings: Sequence[Sighting] = ()) -> None:
        """Raises ValueError when two rules have one name."""
        self.rules = tuple(sorted(rules, key=lambda rule: rule.name))
        names = [rule.name for rule in self.rules]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"more than one rule is called {', '.join(sorted(twice))}")
        self.sightings = tuple(sorted(sightings, key=lambda each: each.name))
        said = [*self.rules, *self.sightings]
        content = msgspec.json.encode(said, order="deterministic")
        self.version = hashlib.sha256(content).hexdigest()[:12]
        """12 hex digits of what the rules say; comments, layout and file names do not count."""
        self._about: dict[str, list[Trigger]] = {}
        for rule in self.rules:
            self._about.setdefault(rule.event, []).append(rule)

    def about(self, event_type: str) -> list[Trigger]:
        """The rules about an event type, by name; empty for most events."""
        return self._about.get(event_type, [])

    def seen_by(self, event_type: str) -> list[Sighting]:
        """What an event type says of who was seen; empty for most events."""
        return [each for each in self.sightings if each.event == event_type]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Triggers) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        return f"Triggers({len(self.rules)} rules, version {self.version})"
