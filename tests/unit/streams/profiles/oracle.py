"""What is right, slowly: everything that was ever said of one user is looked through for every word of every change.

- A change is *of a former life* when another source deleted the user at its time or later: it brings nobody back, and it deletes nobody.
- A word is *old* when its source has said the same or something newer before: of that field or element (a list as a whole speaks of its
  elements, and they of it), or of everything. Of everything speaks a whole row, a deletion, and whatever was said before a deletion or to
  nobody. What was old is not heard. A deletion is a word about all of it: it is old when its source has said anything newer.
- The profile is what the words make of it, in the order they came, since the user was last deleted and somebody gave them something.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.records import ProfileChanged
from streams.profiles.rules import DEFAULT_CHANNELS, FIELDS

DEFAULTS: dict[str, Any] = {
    "channels": list(DEFAULT_CHANNELS),
    "muted_categories": [],
    "email": "",
    "phone": "",
    "phone_verified": False,
    "devices": [],
    "language": "en",
    "time_zone": "UTC",
    "quiet_hours": None,
    "frequency_cap": 100,
    "tags": [],
    "daily_digest": None,
    "chat": {},
}
Words = dict[tuple[str, str | None], Any]


class Heard(NamedTuple):
    """A change that counted, its words that were not old, and whether it speaks of everything by now."""

    change: ProfileChanged
    words: Words
    of_all: bool


def right(history: Sequence[ProfileChanged]) -> dict[str, Any] | None:
    """The fields of the user's profile after a history in the order of the log; None: there is no such user."""
    heard: list[Heard] = []
    profile: dict[str, Any] | None = None
    for change in history:
        deletions = [each.change for each in heard if each.change.deleted]
        former = any(each.source != change.source and change.occurred_at <= each.occurred_at for each in deletions)
        if former and change.deleted:
            continue
        news = {word: value for word, value in words_of(change).items() if not _is_old(word, change, heard)}
        if not news and not _is_heard_of_first(change, heard):
            continue
        if change.deleted:
            profile = None
            heard = [each._replace(of_all=True) for each in heard]
        elif profile is not None or not deletions or (not former and _gives(change, {each.source for each in deletions})):
            profile = _after(profile or {**DEFAULTS, "suppressed": {}, "unsubscribed": []}, news)
        heard.append(Heard(change, news, of_all=change.whole or profile is None))
    return profile


def words_of(change: ProfileChanged) -> Words:
    """All that a change says."""
    if change.deleted:
        return {("everything", None): None}
    words: Words = {(field, None): DEFAULTS[field] for field in change.reset}
    for field in FIELDS:
        if getattr(change, field) is not None:
            words[field, None] = getattr(change, field)
    for device in change.add_devices:
        words["devices", device.token] = device
    for token in change.remove_devices:
        words["devices", token] = None
    for address in change.unsuppress:
        words["suppressed", address] = None
    for address, why in change.suppress.items():
        words["suppressed", address] = why
    for category in change.resubscribe:
        words["unsubscribed", category] = None
    for category in change.unsubscribe:
        words["unsubscribed", category] = category
    return words


def _is_old(word: tuple[str, str | None], change: ProfileChanged, heard: Sequence[Heard]) -> bool:
    newer = [each for each in heard if each.change.source == change.source and each.change.source_position >= change.source_position]
    return any(each.of_all or change.deleted or any(_meets(word, other) for other in each.words) for each in newer)


def _meets(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    return one[0] == other[0] and (one[1] == other[1] or one[1] is None or other[1] is None)


def _is_heard_of_first(change: ProfileChanged, heard: Sequence[Heard]) -> bool:
    """Whether a change is the newest of its source, or a whole row after no newer one: it counts though no word of it is new."""
    newer = [each for each in heard if each.change.source == change.source and each.change.source_position >= change.source_position]
    return not newer or (change.whole and not change.deleted and not any(each.of_all for each in newer))


def _gives(change: ProfileChanged, deleters: set[str]) -> bool:
    something = change.add_devices or [field for field in FIELDS if getattr(change, field) is not None]
    return bool(something) or (change.whole and change.source in deleters)


def _after(profile: dict[str, Any], news: Words) -> dict[str, Any]:
    made = dict(profile)
    for (field, element), value in news.items():
        if element is None:
            made[field] = value
        elif field == "suppressed":
            made[field] = {**{key: why for key, why in made[field].items() if key != element}, **({element: value} if value else {})}
        elif field == "devices":
            made[field] = [each for each in made[field] if each.token != element] + ([value] if value else [])
        else:
            made[field] = [each for each in made[field] if each != element] + ([value] if value else [])
    return made
