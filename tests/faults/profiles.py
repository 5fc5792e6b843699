"""What the log says of profiles: folded once more, independently, and held against what was decided on them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.partition import partition_of
from schemas.records import Profile, ProfileChanged, ProfilesChanged, StatusBatch
from schemas.topics import DEFAULT_PARTITIONS, PROFILE_EVENTS, PROFILES, STATUS
from tests.faults.log import Entry
from tests.faults.oracle import Verdict

FOLDED = ("channels", "muted_categories", "email", "devices", "tags")
Folded = dict[str, Any]
LATE_MS = 1000


def judge_profiles(entries: Mapping[str, Sequence[Entry]], verdict: Verdict) -> None:
    """Profiles end as their events say, never go back to an older state, and allowed everything that was sent."""
    _end_as_told(entries, verdict)
    _never_go_back(entries[PROFILES], verdict)
    _allowed_what_was_sent(entries, verdict)


def written_late(entries: Sequence[Entry]) -> list[str]:
    """Records whose time is more than a second before that of the record before them: they left their producer long after they were made.

    The log's time is the producer's: who judges by it takes such a record for known before it was there.
    """
    found, last = list[str](), dict[int, Entry]()
    for entry in entries:
        before = last.get(entry.partition)
        if before is not None and before.timestamp - entry.timestamp > LATE_MS:
            found.append(
                f"partition {entry.partition} offset {entry.offset}: {before.timestamp - entry.timestamp} ms before its predecessor"
            )
        if before is None or entry.timestamp > before.timestamp:
            last[entry.partition] = entry
    return found


def _end_as_told(entries: Mapping[str, Sequence[Entry]], verdict: Verdict) -> None:
    told = _fold(entries[PROFILE_EVENTS])
    last = {(entry.key or b"").decode(): entry.record for entry in entries[PROFILES]}
    for user, fields in told.items():
        profile = last.get(user)
        unlike = {name: (value, got) for name, value in fields.items() if (got := getattr(profile, name, None)) != value}
        if profile is None or unlike:
            verdict.blame("profiles unlike their events", (user, unlike))
    for user in last.keys() - told.keys():
        verdict.blame("profiles of nobody", user)


def _fold(entries: Sequence[Entry]) -> dict[str, Folded]:
    """By the log's order; of each thing that a source says of a user, what is older than what it said of that before does not count."""
    told: dict[str, Folded] = {}
    reached: dict[tuple[str, ...], int] = {}
    for entry in sorted(entries, key=lambda each: (each.partition, each.offset)):
        assert isinstance(entry.record, ProfilesChanged)
        for change in entry.record.changes:
            fields = told.setdefault(change.user_id, {})
            for name, element, value in _said(change):
                place = (change.user_id, change.source, name, element)
                if change.source_position > reached.get(place, -1):
                    reached[place] = change.source_position
                    _apply(fields, name, element, value)
    return told


def _said(change: ProfileChanged) -> Iterator[tuple[str, str, Any]]:
    """All that a change says: of which field, of which element of it (none: of the whole), and what."""
    yield from ((name, "", value) for name in FOLDED if (value := getattr(change, name)) is not None)
    yield from (("devices", token, None) for token in change.remove_devices)
    yield from (("suppressed", address, why) for address, why in change.suppress.items())


def _apply(fields: Folded, name: str, element: str, value: Any) -> None:
    if not element:
        fields[name] = value
    elif name == "devices":
        fields[name] = [device for device in fields.get(name, []) if device.token != element]
    else:
        fields[name] = fields.get(name, {}) | {element: value}


def _never_go_back(entries: Sequence[Entry], verdict: Verdict) -> None:
    reached: dict[bytes, int] = {}
    for entry in entries:
        assert isinstance(entry.record, Profile)
        key, offset = entry.key or b"", entry.record.applied_offset
        if offset < reached.get(key, -1):
            verdict.blame("profiles that went back", (key, f"applied {offset} after {reached[key]}"))
        reached[key] = max(offset, reached.get(key, -1))


def _allowed_what_was_sent(entries: Mapping[str, Sequence[Entry]], verdict: Verdict) -> None:
    """Each send cites the profile it was decided on."""
    cited = {(entry.partition, entry.offset): entry for entry in entries[PROFILES]}
    for entry in entries[STATUS]:
        status = entry.record
        assert isinstance(status, StatusBatch)
        for user, number, offset in zip(status.users, status.outcome_of, status.profile_offsets, strict=True):
            if status.outcomes[number].status != "sent":
                continue
            source = cited.get((partition_of(user, DEFAULT_PARTITIONS), offset))
            if source is None or source.key != user.encode() or not _allows(source.record, status):
                verdict.blame("sent against the profile it cites", (user, status.channel, offset, source and source.record))


def _allows(profile: object, status: StatusBatch) -> bool:
    assert isinstance(profile, Profile)
    notification = status.notification
    muted = notification.category in profile.muted_categories and notification.category != "transactional"
    return status.channel in profile.channels and not muted
