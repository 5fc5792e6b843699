"""Was every send under an intent, and on the last profile? One status against the ledger and the profiles. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from ops.audit.batches import Batch
from ops.audit.ledger import Account, Ledger, columns_of_status, differing
from ops.audit.model import LEDGER_KEPT_MS, Entry, Terms
from ops.audit.profiles import Profiles, Version
from ops.audit.report import Behind, Findings
from schemas.records import StatusBatch
from schemas.topics import HOUR_MS, ledger_topic

CALLED = ("sent", "unknown")


class Send(NamedTuple):
    """Recipient number `row` of a status, sent to on the profile at offset `cited`."""

    row: int
    user: str
    cited: int


class Sends:
    """Checks statuses of batches. `ledgers`: of one partition, by topic."""

    def __init__(self, terms: Terms, findings: Findings, ledgers: Mapping[str, Ledger], profiles: Profiles) -> None:
        self._terms, self._findings, self._ledgers, self._profiles = terms, findings, ledgers, profiles

    def check(self, told: StatusBatch, batch: Batch, entry: Entry) -> None:
        """Name what is wrong with the sends that a status tells of."""
        told = replace(told, attempt=told.attempt - batch.attempts)  # a ledger counts those of its batch alone
        ledger = self._ledgers.get(ledger_topic(batch.place.topic))
        account = ledger.accounts.get(told.batch_id) if ledger else None
        if ledger is None or account is None:
            self._no_account(told, entry)
            account = Account()
        else:
            self._agrees(told, account, entry)
            self._intended(told, ledger, account, entry)
            self._doubted(told, ledger, account, entry)
        self._current(told, batch, account, entry)

    def _no_account(self, told: StatusBatch, entry: Entry) -> None:
        if told.at < self._terms.now_ms - LEDGER_KEPT_MS + HOUR_MS:
            self._findings.skip("the ledger's entry is older than the log")
            return
        called = sum(told.outcomes[number].status in CALLED for number in told.outcome_of)
        kind = "sent_without_intent" if called else "ledger_missing"
        self._blame(kind, told, f"the ledger has no entry of batch {told.batch_id} ({called} sends)", entry)

    def _agrees(self, told: StatusBatch, account: Account, entry: Entry) -> None:
        if not account.finished:
            self._blame("status_before_result", told, f"the ledger's entry of batch {told.batch_id} is not finished", entry)
        elif columns := differing(account.columns, columns_of_status(told)):
            where = f", {account.last.place.topic} offset {account.last.place.offset}" if account.last else ""
            self._blame("ledger_disagrees", told, f"differs in {', '.join(columns)} from the ledger{where}", entry)

    def _intended(self, told: StatusBatch, ledger: Ledger, account: Account, entry: Entry) -> None:
        if ledger.intending.isdisjoint({told.provider, *told.providers}):
            return  # a provider that needs no intent: the finished entry is all there is
        called = {number for number, outcome in enumerate(told.outcomes) if outcome.status in CALLED}
        bare = [index for index, number in enumerate(told.outcome_of) if number in called and account.intent_for(index) is None]
        if not bare:
            return
        if ledger.provable:
            said = f"batch {told.batch_id}: {len(bare)} sends without an intent, the first to {told.users[bare[0]]}"
            self._blame("sent_without_intent", told, said, entry)
        else:
            self._findings.skip("the intent is compacted; the finished entry covers it")

    def _doubted(self, told: StatusBatch, ledger: Ledger, account: Account, entry: Entry) -> None:
        """An attempt that left no result may have reached them: who is not sent to again is unknown, and nothing else."""
        denied = {number for number, outcome in enumerate(told.outcomes) if outcome.status not in CALLED}
        wrong = [index for index, number in enumerate(told.outcome_of) if number in denied and account.in_doubt(index)]
        if wrong:
            status, user = told.outcomes[told.outcome_of[wrong[0]]].status, told.users[wrong[0]]
            said = f"{len(wrong)} recipients, the first {user}, told as {status} after an intent whose result is not known"
            self._blame("doubt_not_told", told, f"batch {told.batch_id}: {said}", entry)
        elif denied and told.attempt > 1 and not ledger.provable:
            self._findings.skip("the intent of an earlier attempt is compacted")

    def _current(self, told: StatusBatch, batch: Batch, account: Account, entry: Entry) -> None:
        sent = {number for number, outcome in enumerate(told.outcomes) if outcome.status == "sent"}
        is_last = self._profiles.is_last
        rows = enumerate(zip(told.users, told.outcome_of, told.profile_offsets, strict=True))
        for send in [Send(i, user, cited) for i, (user, number, cited) in rows if number in sent and not is_last(user, cited)]:
            if fault := self._profiles.fault(send.user, send.cited):
                self._blame(fault[0], told, fault[1], entry)
            else:
                self._fresh(send, told, batch, account, entry)

    def _fresh(self, send: Send, told: StatusBatch, batch: Batch, account: Account, entry: Entry) -> None:
        """Whether a newer profile was on the log for longer than the bound."""
        intent, newer = account.intent_for(send.row), self._profiles.newer(send.user, send.cited)
        bound = self._terms.profile_bound_ms
        # without an intent it is not known when the profile was read; certainly not before the decision, whose clock may be wrong
        moment = intent.timestamp if intent else min(batch.decided_at, batch.timestamp)
        if newer is not None and moment - newer.timestamp > bound:
            self._blame("profile_stale", told, _stale(send, newer, moment, intent is not None), entry)
        elif newer is not None and intent is None and min(told.at, entry.timestamp) - newer.timestamp > bound:
            self._findings.skip("a profile changed between decision and result, and no intent says when it was read")
        elif not self._profiles.is_checkable(send.user, send.cited):
            self._findings.skip("the profile's older versions are compacted")
        elif newer is not None and intent is not None and newer.timestamp < moment:
            self._findings.behind.add(Behind(1, moment - newer.timestamp))

    def _blame(self, kind: str, told: StatusBatch, said: str, entry: Entry) -> None:
        self._findings.blame(kind, f"{told.notification.notification_id} {told.channel}: {said}", entry.place)


def _stale(send: Send, newer: Version, moment: int, intended: bool) -> str:
    than = "the intent" if intended else "the decision"
    age = moment - newer.timestamp
    return f"{send.user} was sent to on notify.profiles offset {send.cited}; offset {newer.offset} was there {age:,} ms before {than}"
