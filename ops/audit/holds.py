"""Who was held, and were they released when it was time? Deferred statuses of one partition against commands to release. Pure."""

from datetime import datetime
from typing import NamedTuple

from ops.audit.commands import Command, Commands
from ops.audit.model import OVERTAKEN_AGE_MS, Place, Terms
from ops.audit.report import Findings
from ops.audit.requests import Chunks
from schemas import ids
from schemas.records import StatusBatch
from schemas.topics import STATUS

DEFERRED = "deferred"
RETRIED = frozenset({"provider_unavailable", "provider_throttled", "provider_misconfigured"})
"""Reasons of those whom delivery tries again."""


class Held(NamedTuple):
    """Those of one hold, on one of its channels. `due`: when they are released, epoch ms."""

    notification_id: str
    channel: str
    users: list[str]
    due: int
    place: Place


def due_of(told: StatusBatch) -> int | None:
    """When those are released who a status says are held (epoch ms, to the second); None when it is not that, or does not say when."""
    whens = {outcome.detail for outcome in told.outcomes if outcome.status == DEFERRED and outcome.reason}
    return _time(whens.pop()) if len(whens) == len(told.outcomes) == 1 else None


def _time(said: str) -> int | None:
    """What the first word says, epoch ms; None: no time."""
    try:
        return round(datetime.fromisoformat(said.partition(" ")[0]).timestamp() * 1000)
    except ValueError:
        return None


class Holds:
    """By the id of their deferred status, which is made of the hold's."""

    def __init__(self, terms: Terms, findings: Findings) -> None:
        self._terms, self._findings = terms, findings
        self._held: dict[str, Held] = {}

    def note(self, told: StatusBatch, due: int, place: Place) -> None:
        """A status of people who are held."""
        self._held[told.status_id] = Held(told.notification.notification_id, told.channel, told.users, due, place)

    def handed_back(self, told: StatusBatch, users: list[str], place: Place) -> None:
        """Those of a batch whom delivery handed back: as if they were held until they were told so."""
        self._hold(ids.handed_back_id(told.batch_id), told, users, told.at, place)

    def tried_again(self, told: StatusBatch, users: list[str], place: Place) -> None:
        """Those of a batch whom the provider could not take: held until they are tried again."""
        dues = {_time(outcome.detail) for outcome in told.outcomes if outcome.status == DEFERRED and outcome.reason in RETRIED}
        self._hold(ids.retry_id(told.batch_id), told, users, max((due for due in dues if due), default=told.at), place)

    def _hold(self, hold: str, told: StatusBatch, users: list[str], due: int, place: Place) -> None:
        self._held[ids.deferred_id(hold, told.channel)] = Held(told.notification.notification_id, told.channel, users, due, place)

    def check(self, commands: Commands, chunks: Chunks) -> None:
        """Each release is of a hold, of all its people, and not before its time; each hold was released once it was due."""
        waiting, newest = dict(self._held), 0
        for (notification, mark), command in commands.known.items():
            if isinstance(mark, str) and not command.tried:
                for channel in command.channels:
                    held = waiting.pop(ids.deferred_id(mark, channel), None)
                    self._fits(notification, mark, channel, command, held)
                    self._in_time(notification, mark, held, chunks)
                    newest = max(newest, held.due if held else 0)
        for held in waiting.values():
            if self._missed(held, newest):
                said = f"{held.notification_id} {held.channel}: {len(held.users)} users were due at {held.due} ms and not released"
                self._findings.blame("hold_not_released", said, held.place)

    def _fits(self, notification: str, hold: str, channel: str, command: Command, held: Held | None) -> None:
        place = command.entry.place
        if held is not None:
            if command.users != frozenset(held.users) or held.notification_id != notification:
                said = f"{notification} {channel}: hold {hold} has {len(held.users)} users; others, or not all of them, are released"
                self._findings.blame("release_differs", said, place)
        elif self._terms.cut(STATUS) or self._terms.partial:
            self._findings.skip("the hold may be older than the log")
        else:
            self._findings.blame("release_without_hold", f"{notification} {channel}: nobody was held as {hold}", place)

    def _in_time(self, notification: str, hold: str, held: Held | None, chunks: Chunks) -> None:
        chunk = chunks.get((notification, hold))
        if held is not None and chunk is not None and chunk.told.at + self._terms.slack_ms < held.due:
            said = f"{notification} {held.channel}: hold {hold} was released {held.due - chunk.told.at} ms before its time"
            self._findings.blame("released_early", said, chunk.entry.place)

    def _missed(self, held: Held, newest: int) -> bool:
        """Whether it is due for good: others who were due later were released, or nothing is under way."""
        age = OVERTAKEN_AGE_MS
        return held.due < self._terms.now_ms - age and (self._terms.settled or held.due + age < newest)
