"""What the log says became of everyone, judged without any of the code that decided it."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from schemas.records import AudienceExpanded, DeliverBatch, LedgerEntry, NotificationRequested, StatusBatch
from schemas.topics import CHANNELS, EXPANSIONS, PRIORITIES, REQUESTS, STATUS, deliver_topic, ledger_topic
from tests.faults.asked import Asked
from tests.faults.digested import SOURCE, judge_digests
from tests.faults.log import Entry
from tests.faults.obeyed import judge_cancels, paused

DELIVER = tuple(deliver_topic(channel, priority) for channel in CHANNELS for priority in PRIORITIES)
LEDGERS = tuple(ledger_topic(topic) for topic in DELIVER)
TERMINAL = ("sent", "suppressed", "digested", "failed", "unknown", "expired", "cancelled")
DEFERRED = "deferred"
REOPENED = ("failed", "unknown")
SEEN_OUTSIDE = ("push", "email")
SHOWN = 10
Reached = tuple[str, str, str]
"""Notification, channel, user."""
Met = dict[tuple[str, str], dict[str, str]]
"""By notification and channel: what became of each user."""


@dataclass
class Verdict:
    """Every list is of what is wrong, the first few; `wrong` says how often. All counts are of recipients by channel."""

    expected: int = 0
    waiting: int = 0
    """Recipients of campaigns that are paused, and those who are held for longer than the log goes."""
    by_status: dict[str, int] = field(default_factory=dict)
    by_reason: dict[str, int] = field(default_factory=dict)
    resent: int = 0
    repeated: dict[str, int] = field(default_factory=dict)
    """Records written again after a crash, by topic: same id, same bytes."""
    sandbox_received: int = 0
    sandbox_duplicates: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong

    def blame(self, what: str, about: object) -> None:
        """Note something wrong."""
        self.wrong[what] = self.wrong.get(what, 0) + 1
        shown = self.examples.setdefault(what, [])
        if len(shown) < SHOWN:
            shown.append(str(about)[:400])

    def report(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Oracle:
    """Judges the entries of a log."""

    def __init__(self, entries: Mapping[str, list[Entry]], asked: Asked) -> None:
        self._entries = entries
        self._asked = asked
        self._held: dict[Reached, int] = {}
        """When those are released (epoch ms) who are held for longer than the log goes."""
        self._digests: dict[tuple[str, str], frozenset[str]] = {}
        """Whose digest it is, by its id and channel."""
        self._doubted: set[Reached] = set()
        """Whom a replay took of whom it is not known whether they were reached."""
        self.verdict = Verdict()

    def judge(self, sandbox: "SandboxSays") -> Verdict:
        """Everything at once."""
        notifications = self._notifications()
        met = self._met()
        self._everyone_once(notifications, met)
        self._expansions_agree(notifications)
        judge_cancels(self._entries, DELIVER, self.verdict.blame)
        judge_digests(self._entries, self.verdict.blame)
        resent = self._resent()
        self._doubts_are_told(met, resent)
        self._sandbox_agrees(met, resent, sandbox)
        return self.verdict

    def _notifications(self) -> dict[str, str]:
        """Notification id to event id; each event asked for exactly one. What is in them may be told in digests, which nobody asked for."""
        found: dict[str, str] = {}
        for request in self._once(REQUESTS, _notification_of):
            assert isinstance(request, NotificationRequested)
            if request.notification.source == SOURCE:
                self._digest(request)
                continue
            found[request.notification.notification_id] = request.idempotency_key
        for event in self._asked.users.keys() - found.values():
            self.verdict.blame("events without a request", event)
        for event in found.values() - self._asked.users.keys():
            self.verdict.blame("requests without an event", event)
        return found

    def _digest(self, request: NotificationRequested) -> None:
        name = request.notification.notification_id
        self._digests |= {(name, channel): frozenset(request.audience.users) for channel in request.notification.channels}

    def _met(self) -> Met:
        """What became of every recipient."""
        met: Met = defaultdict(dict)
        reasons: Counter[str] = Counter()
        newest = 0
        for status in self._once(STATUS, lambda record: record.status_id):
            assert isinstance(status, StatusBatch)
            place = (status.notification.notification_id, status.channel)
            here, newest = met[place], max(newest, status.at)
            for user, number in zip(status.users, status.outcome_of, strict=True):
                outcome = status.outcomes[number]
                reasons[f"{outcome.status}/{outcome.reason}"] += 1
                if outcome.status == DEFERRED:
                    if status.caused_by_topic == STATUS:
                        self._reopened(here, (*place, user))
                    self._held[(*place, user)] = max(self._held.get((*place, user), 0), _epoch_ms(outcome.detail))
                    continue
                if user in here:
                    self.verdict.blame("recipients with two statuses", (*place, user, here[user], outcome))
                if outcome.status not in TERMINAL:
                    self.verdict.blame("statuses that are not the end", (*place, user, outcome))
                here[user] = sys.intern(outcome.status)
        self._held = {reached: due for reached, due in self._held.items() if due > newest}
        self.verdict.by_reason = dict(reasons)
        self.verdict.by_status = dict(sum((Counter(here.values()) for here in met.values()), Counter()))
        return dict(met)

    def _reopened(self, here: dict[str, str], reached: Reached) -> None:
        """A replay takes an end back: there is one to come."""
        end = here.pop(reached[2], "")
        if end not in REOPENED:
            self.verdict.blame("reopened without an end that may be", reached)
        if end == "unknown":
            self._doubted.add(reached)

    def _everyone_once(self, notifications: dict[str, str], met: Met) -> None:
        asked = dict(self._digests)
        waiting = paused(self._entries)
        for notification, event in notifications.items():
            for channel in self._asked.channels.get(event, ()):
                asked[notification, channel] = self._asked.users.get(event, frozenset())
        for place, users in asked.items():
            self.verdict.expected += len(users)
            missing = users - met.get(place, {}).keys()
            if place[0] in waiting:
                self.verdict.waiting += len(missing)
                continue
            for user in missing:
                if (*place, user) in self._held:
                    self.verdict.waiting += 1
                else:
                    self.verdict.blame("lost", (*place, user))
        for place, here in met.items():
            for user in here.keys() - asked.get(place, frozenset()):
                self.verdict.blame("nobody asked for", (*place, user))

    def _expansions_agree(self, notifications: dict[str, str]) -> None:
        users: Counter[str] = Counter()
        waiting = paused(self._entries)
        for chunk in self._once(EXPANSIONS, lambda it: (it.notification_id, it.partition, it.chunk, it.hold_id)):
            assert isinstance(chunk, AudienceExpanded)
            users[chunk.notification_id] += 0 if chunk.hold_id else chunk.users
            for channel in chunk.queued:
                if chunk.queued[channel] + chunk.suppressed[channel] + chunk.deferred.get(channel, 0) != chunk.users:
                    self.verdict.blame("chunks that do not add up", chunk)
        for notification, event in notifications.items():
            size = len(self._asked.users.get(event, ()))
            if users[notification] > size or (users[notification] < size and notification not in waiting):
                self.verdict.blame("audiences of another size", (notification, users[notification]))

    def _resent(self) -> set[Reached]:
        """Those who may have been sent to before the attempt that counts: in the ledger, an attempt was open when the next began."""
        batches: dict[str, DeliverBatch] = {}
        for topic in DELIVER:
            batches |= {batch.batch_id: batch for batch in self._once(topic, lambda record: record.batch_id)}  # type: ignore[attr-defined]
        resent: set[Reached] = set()
        for topic in LEDGERS:
            for key, history in _histories(self._entries[topic]).items():
                batch = batches[key.decode()]
                for before, after in zip(history, history[1:], strict=False):
                    if after.attempt > before.attempt:
                        open_ = batch.users[before.done : before.intended]
                        resent |= {(batch.notification.notification_id, batch.channel, user) for user in open_}
        self.verdict.resent = len(resent)
        return resent

    def _doubts_are_told(self, met: Met, resent: set[Reached]) -> None:
        """Who may have been reached, and was not sent to again, is unknown."""
        for notification, channel, user in resent - self._doubted:
            if (status := met.get((notification, channel), {}).get(user)) not in ("sent", "unknown", None):
                self.verdict.blame("told as not sent to after an open attempt", (notification, channel, user, status))

    def _sandbox_agrees(self, met: Met, resent: set[Reached], sandbox: "SandboxSays") -> None:
        self.verdict.sandbox_received, self.verdict.sandbox_duplicates = sandbox.received, len(sandbox.duplicates)
        allowed = (
            resent | self._doubted | {(*place, user) for place, here in met.items() for user, status in here.items() if status == "unknown"}
        )
        for place in sandbox.duplicates - allowed:
            self.verdict.blame("sent twice and not listed", place)
        for (notification, channel), here in met.items():
            if channel not in SEEN_OUTSIDE:
                continue
            least = sum(status == "sent" for status in here.values())
            reachable = [user for user, status in here.items() if status in ("sent", "unknown")]
            reachable += [user for *of, user in self._doubted if of == [notification, channel] and user not in set(reachable)]
            most = sum(self._asked.addresses(user, channel) for user in reachable)
            reached = sandbox.reached.get((notification, channel), 0)
            if not least <= reached <= most:
                said = f"{least} users sent to, {most} addresses at most, {reached} reached"
                self.verdict.blame("the provider counted otherwise", (notification, channel, said))

    def _once(self, topic: str, identity: Any) -> Iterable[Any]:
        """Each record once; what is there again must be the same, byte for byte."""
        first: dict[object, Entry] = {}
        again = 0
        for entry in self._entries[topic]:
            if entry.record is None:
                self.verdict.blame("unreadable records", entry)
                continue
            known = first.setdefault(identity(entry.record), entry)
            if known is not entry:
                again += 1
                if _telling(known) != _telling(entry):
                    self.verdict.blame(f"repeated otherwise in {topic}", (known.record, entry.record))
        if again:
            self.verdict.repeated[topic] = again
        return [entry.record for entry in first.values()]


@dataclass
class SandboxSays:
    """What the provider counted: addresses reached by (notification, channel), and who was reached more than once."""

    received: int
    reached: dict[tuple[str, str], int]
    duplicates: set[Reached]


def _notification_of(record: Any) -> str:
    return str(record.notification.notification_id)


def _epoch_ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment.partition(" ")[0]).timestamp() * 1000)


def _telling(entry: Entry) -> object:
    """What must be the same in a repetition. A request is made again by a stateless step, with the time it was accepted at."""
    if isinstance(entry.record, NotificationRequested):
        notification = entry.record.notification
        return [getattr(notification, name) for name in notification.__struct_fields__ if name != "accepted_at"], entry.record.audience
    return entry.digest


def _histories(entries: Iterable[Entry]) -> dict[bytes, list[LedgerEntry]]:
    found: dict[bytes, list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        assert isinstance(entry.record, LedgerEntry)
        found[entry.key or b""].append(entry.record)
    return found
