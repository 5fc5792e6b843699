"""A store's figures against the log's, a page of notifications at a time. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ops.audit.holds import DEFERRED
from ops.audit.report import SHOWN_PER_KIND, ChannelSums, Compared, NotificationSums, Report, Violation
from schemas.topics import STATUS

PAGE_RECIPIENTS = 200_000
"""A page ends with that many, as a store may hold as many ids at a time; a larger notification is a page of its own."""
Counts = Mapping[str, Mapping[str, int]]
"""Recipients of one notification by channel, by status."""
Ask = Callable[[Sequence[str]], Mapping[str, Counts]]
"""What a store says of some notifications, by id; those it does not know may be left out."""


def compare(report: Report, store: str, ask: Ask, page: int, time_left: Callable[[], bool]) -> Compared:
    """Name in `report` where the store differs, and say what was compared before `time_left` said no; it is asked before each page.

    A store that has fewer than the log is behind, which is no violation while something is pending; more, or other, always is.
    """
    done = Compared(left_notifications=len(report.notifications), left_recipients=sum(map(_outcomes, report.notifications.values())))
    report.stores[store] = done
    for some in _pages(report, page):
        if not time_left():
            break
        told = ask([one.notification_id for one in some])
        for one in some:
            _hold(report, store, one, told.get(one.notification_id, {}))
        _count(done, some)
    return done


def _pages(report: Report, most: int) -> Iterator[list[NotificationSums]]:
    """The largest first: of those who were told most is compared, if there is no time for all. Then by id, which is as good as by lot."""
    page: list[NotificationSums] = []
    recipients = 0
    for one in sorted(report.notifications.values(), key=lambda it: (-_outcomes(it), it.notification_id)):
        if page and (len(page) == most or recipients + _outcomes(one) > PAGE_RECIPIENTS):
            yield page
            page, recipients = [], 0
        page.append(one)
        recipients += _outcomes(one)
    if page:
        yield page


def _count(done: Compared, some: Sequence[NotificationSums]) -> None:
    recipients = sum(map(_outcomes, some))
    done.notifications += len(some)
    done.recipients += recipients
    done.left_notifications -= len(some)
    done.left_recipients -= recipients


def _outcomes(one: NotificationSums) -> int:
    return sum(sum(sums.outcomes.values()) for sums in one.channels.values())


def _hold(report: Report, store: str, one: NotificationSums, told: Counts) -> None:
    """Every channel that the store or the log knows."""
    for channel in dict.fromkeys([*one.channels, *told]):
        sums = one.channels.get(channel, ChannelSums())
        wanted = sums.outcomes | sums.heard
        stored = {status: count for status, count in told.get(channel, {}).items() if status != DEFERRED}
        if any(count > wanted.get(status, 0) for status, count in stored.items()):
            _blame(report, store, f"{one.notification_id} {channel}: {store} has {dict(stored)}, the log {wanted}")
        report.stores[store].behind += max(0, sum(wanted.values()) - sum(stored.values()))


def _blame(report: Report, store: str, said: str) -> None:
    kind = f"{store}_differs"
    report.stores[store].differing += 1
    report.counts[kind] = report.counts.get(kind, 0) + 1
    if report.counts[kind] <= SHOWN_PER_KIND:
        report.violations.append(Violation(kind, said, STATUS, -1, -1))
