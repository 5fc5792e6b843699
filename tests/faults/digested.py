"""What the log must say of digests, by code of its own: each that somebody is said to be in was asked for once, with exactly those."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from schemas.topics import REQUESTS, STATUS
from tests.faults.log import Entry

Entries = Mapping[str, list[Entry]]
SOURCE = "digest"


def members(entries: Entries) -> dict[str, set[tuple[str, str]]]:
    """User and notification, by the digest they are said to have ended in."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for entry in entries[STATUS]:
        status: Any = entry.record
        names = {number: one.detail for number, one in enumerate(status.outcomes if status else ()) if one.status == "digested"}
        for user, number in zip(status.users, status.outcome_of, strict=True) if names else ():
            if number in names:
                found[names[number]].add((user, status.notification.notification_id))
    return dict(found)


def made(entries: Entries) -> dict[str, Any]:
    """The requests of digests, by their ids."""
    requests = (entry.record for entry in entries[REQUESTS] if entry.record)
    return {one.notification.notification_id: one for one in requests if one.notification.source == SOURCE}  # type: ignore[attr-defined]


def judge_digests(entries: Entries, blame: Callable[[str, object], None]) -> None:
    """Nobody cancels what is digested here, so the numbers are equal."""
    named, asked = members(entries), made(entries)
    for name in named.keys() - asked.keys():
        blame("digests that were never made", (name, named[name]))
    for name, request in asked.items():
        mine = named.get(name, set())
        if {user for user, _ in mine} != set(request.audience.users) or request.notification.data["digest_count"] != str(len(mine)):
            blame("digests of others than those in them", (name, request.audience.users, request.notification.data["digest_count"], mine))
