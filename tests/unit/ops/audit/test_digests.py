"""Digests: each is of exactly those whose end names it, and each way to lose, double or mix them up is found."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from ops.audit.controls import Controls
from ops.audit.digests import Digests
from ops.audit.model import Entry, Place, Terms
from ops.audit.report import Findings
from ops.audit.requests import Requests
from schemas.partition import partition_of
from schemas.records import Audience, Notification, NotificationRequested, Outcome, StatusBatch
from schemas.topics import FANOUT, REQUESTS, STATUS
from tests.unit.streams.make import control, notification

ANN, DIGEST = "ann", "d-1"
PARTITIONS = 4
HERE = partition_of(ANN, PARTITIONS)
WHERE = Place(STATUS, HERE, 5)
SETTLED = Terms(now_ms=10**13, settled=True)


class Log(NamedTuple):
    """What is on it: members by the digest that they name, and how many each digest says that it has."""

    members: list[tuple[str, str, str]]
    made: dict[str, str]
    cancelled: tuple[str, ...] = ()


WHOLE = Log([(ANN, "n-1", DIGEST), (ANN, "n-2", DIGEST)], {DIGEST: "2"})


def status(user: str, name: str, digest: str, channel: str) -> StatusBatch:
    return StatusBatch(
        status_id=f"{user} {name} {channel}",
        notification=notification(notification_id=name),
        channel=channel,
        users=[user, "bob"],
        outcomes=[Outcome("digested", "", digest), Outcome("suppressed", "no_address")],
        outcome_of=[0, 1],
        profile_offsets=[1, 1],
        at=0,
        caused_by_topic=FANOUT,
        caused_by_partition=HERE,
        caused_by_offset=0,
    )


def digest(name: str, count: str) -> Notification:
    return notification(notification_id=name, source="digest", data={"digest_count": count})


def judged(log: Log, terms: Terms = SETTLED) -> list[str]:
    """The kinds of violations that are found."""
    findings = Findings()
    requests = Requests(terms, findings, PARTITIONS)
    for offset, (name, count) in enumerate(log.made.items()):
        asked = NotificationRequested(digest(name, count), Audience([ANN]), name)
        requests.note(Entry(Place(REQUESTS, 0, offset), 0, b"", asked, 0))
    controls = Controls(terms)
    for name in log.cancelled:
        controls.note(Entry(Place(FANOUT, HERE, 0), 0, b"", control("cancel"), 0), control("cancel", notification_id=name))
    digests = Digests(terms, findings, controls, requests.asked)
    for user, name, named in log.members:
        for channel in ("push", "in_app"):
            digests.note(status(user, name, named, channel), WHERE)
    for partition in range(PARTITIONS):
        if partition == HERE:
            digests.check(partition)
        else:
            Digests(terms, findings, controls, requests.asked).check(partition)
    return [one.kind for one in findings.violations]


def test_nothing_is_wrong_with_a_digest_of_those_who_name_it() -> None:
    assert judged(WHOLE) == []
    assert judged(WHOLE._replace(cancelled=("n-1",))) == [], "it may have come too late"
    assert judged(WHOLE._replace(cancelled=("n-1",), made={DIGEST: "1"})) == []
    assert judged(Log([], {})) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda log: log._replace(made={}), "digest_missing"),
        (lambda log: log._replace(made={DIGEST: "3"}), "digest_count"),
        (lambda log: log._replace(made={DIGEST: "1"}), "digest_count"),
        (lambda log: log._replace(members=log.members[:1]), "digest_count"),
        (lambda log: log._replace(members=[]), "digest_unnamed"),
        (lambda log: log._replace(made=log.made | {"d-2": "1"}), "digest_unnamed"),
        (lambda log: log._replace(members=[*log.members[:1], ("bob", "n-2", DIGEST)]), "digest_of_two"),
    ],
)
def test_what_is_wrong_is_named(change: Callable[[Log], Log], kind: str) -> None:
    assert judged(change(WHOLE)) == [kind]


def test_a_window_that_is_open_is_waited_for() -> None:
    open_ = WHOLE._replace(made={})
    assert judged(open_, msgspec.structs.replace(SETTLED, settled=False)) == []
    assert judged(WHOLE._replace(members=[]), msgspec.structs.replace(SETTLED, lows={(STATUS, HERE): 1})) == [], "older than the log"
