"""Is each digest of exactly those whose end names it? Members of one partition against the requests of their digests. Pure."""

from collections.abc import Mapping

from ops.audit.controls import CANCELLED, Controls
from ops.audit.model import Place, Terms
from ops.audit.report import Findings
from ops.audit.requests import Asked
from schemas.records import StatusBatch
from schemas.topics import FANOUT, STATUS

DIGESTED = "digested"


class Digests:
    """By the id of the digest."""

    def __init__(self, terms: Terms, findings: Findings, controls: Controls, asked: Mapping[str, Asked]) -> None:
        self._terms, self._findings, self._controls, self._asked = terms, findings, controls, asked
        self._members: dict[str, dict[tuple[str, str], Place]] = {}
        """User and notification, with the place that said so first."""

    def note(self, told: StatusBatch, place: Place) -> None:
        """A status of people who were decided against: some may be in a digest."""
        for user, number in zip(told.users, told.outcome_of, strict=True):
            outcome = told.outcomes[number]
            if outcome.status == DIGESTED and outcome.detail:
                member = user, told.notification.notification_id
                self._members.setdefault(outcome.detail, {}).setdefault(member, place)

    def check(self, partition: int) -> None:
        """Each that is named was asked for, once its window is over for good; and each that was asked for says how many name it."""
        for name, members in self._members.items():
            asked, place = self._asked.get(name), next(iter(members.values()))
            if len({user for user, _ in members}) > 1:
                self._findings.blame("digest_of_two", f"digest {name} has members of more than one user", place)
            if asked is not None:
                self._counted(name, asked, members)
            elif self._terms.settled and not self._terms.partial:
                self._findings.blame("digest_missing", f"digest {name} has {len(members)} members and was never made", place)
        self._named(partition)

    def _counted(self, name: str, asked: Asked, members: Mapping[tuple[str, str], Place]) -> None:
        """Members that were cancelled may be out of it."""
        off = sum(self._controls.state(notification, FANOUT) == CANCELLED for _, notification in members)
        if asked.digest_count is None or not len(members) - off <= asked.digest_count <= len(members):
            said = f"digest {name} says {asked.digest_count} members; {len(members)} ended in it, {off} of them were cancelled"
            self._findings.blame("digest_count", said, asked.place)

    def _named(self, partition: int) -> None:
        if self._terms.cut(STATUS) or self._terms.partial:
            return
        for name, asked in self._asked.items():
            if asked.digest_count is not None and name not in self._members and partition in (asked.homes or ()):
                self._findings.blame("digest_unnamed", f"digest {name}: nobody ended in it", asked.place)
