"""`python -m streams.policy.page`: makes docs/decisions.md anew, from the table of checks and the policy that is shipped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.records import Priority
from streams.policy.loader import load_policy
from streams.policy.policy import CHECKS, CategoryPolicy, DigestPolicy, Policy, Route
from streams.policy.table import TABLE, Check
from streams.policy.written import UNITS_MS

PAGE = Path(__file__).parents[2] / "docs" / "decisions.md"
_INTRO = """\
<!-- Made by `python -m streams.policy.page` from streams/policy/table.py and default.yaml. A test fails when it is not current. -->
# Who is not sent to, and why

What a notification asks for is decided for each user and channel: when its audience is expanded, and again whenever something was held or
is tried later. Right before the provider is called the user's wishes are asked once more, by the profile as it is then. **The first of
these that speaks against it decides**, and everyone who is not sent to has a status with the reason (`carillon why`).

"""
_NOTES = """
What binds by policy never binds a critical notification, whatever its category.

**Quiet hours** are minutes of the wall clock in the user's zone, over midnight too, whatever is done to the clock in that night
(`streams/policy/quiet.py`). Where policy says `defer`, the user is held until they end (status `deferred`, which is no end) and then
decided afresh; who would expire before is suppressed. Right before the send they are asked again, when it was decided more than 10 s ago:
who has come into them meanwhile is handed back, held, and decided afresh, or suppressed where policy says so.

**Caps** count a notification once for a user, however many channels it takes, in fixed windows: the hour and the day in UTC of the
decision. So across the boundary of two windows up to twice a cap can come within one window's length. What ended on all channels
without anybody told (failed, expired, cancelled, or refused by the user's wishes right before the send) is given back, in the windows it
was counted in; what may have been told (`unknown`) is not. What is handed back for quiet hours counts when it is sent after all, but for
those who were handed over on other channels too: for them it stays counted when it was decided first.

**Digests** make one of what a user gets with one digest key. A member ends as `digested` when it joins, with the digest's id as the detail;
the digest is a notification of its own, for which all of this is asked when its window ends (`streams/digest/rules.py`).

**Channels** are those that a notification names; when it names none, those of the policy: all of them, or the first, and another one only
when one fails for good or does not deliver in time (`streams/routing/rules.py`). What is of low priority is `shed` on a channel where it
would come later than policy says, by what waits there and how fast it goes (`streams/routing/shedding.py`); who was queued
once and is tried again is not.

## The policy that is shipped
"""


def page(policy: Policy) -> str:
    """docs/decisions.md."""
    checks = _table(
        ["", "reason", "what it says", "binds", "asked", "ends as", "rule"],
        (
            [str(number), f"`{each.reason}`", each.says, _binds(each), each.asked, each.status, _rule(each)]
            for number, each in enumerate(TABLE, 1)
        ),
    )
    categories = _table(
        ["category", "bound by", "in quiet hours", "a day", "expires after", "shed when later than", "tried for", "digest", "channels"],
        (_category(each) for each in policy.categories.values()),
    )
    limits = (
        f"Version `{policy.version}` of `streams/policy/default.yaml`.\n\n"
        f"- Over all categories a user is told of {policy.an_hour} an hour and {policy.a_day} a day at most.\n"
        f"- What quiet hours held is released within {_span(policy.spread_ms)} of their end.\n"
        f"- What is critical and could not be sent is tried again for {_span(policy.critical_retry.for_ms)}.\n\n"
    )
    return _INTRO + checks + _NOTES + limits + categories


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _binds(check: Check) -> str:
    return f"by policy: `{check.binds}`" if check.binds in CHECKS else check.binds


def _rule(check: Check) -> str:
    rule = f"`{check.rule}`" if check.rule else "none"
    return f"{rule}; **not produced until** {check.awaits}" if check.awaits else rule


def _category(category: CategoryPolicy) -> Sequence[str]:
    bound = [check for check in CHECKS if getattr(category, check)]
    return [
        category.name,
        "all" if len(bound) == len(CHECKS) else ", ".join(bound) or "none",
        "" if not category.quiet_hours else "held" if category.defers else "suppressed",
        str(category.a_day),
        _span(category.expires_after_ms) if category.expires_after_ms is not None else "never",
        _span(category.shed_over_ms) if category.shed_over_ms is not None else "never",
        _span(category.retry.for_ms),
        _digest(category.digest) if category.digest else "none",
        "; ".join(_routes(category.routes)),
    ]


def _digest(digest: DigestPolicy) -> str:
    said = ["the first at once, then "] if digest.first_now else []
    said.append(f"one in {_span(digest.window_ms)}")
    said += [f", or of {digest.count}"] if digest.count else []
    said += ["; or daily, as the user chose"] if digest.daily else []
    return "".join(said)


def _routes(routes: dict[Priority, Route]) -> Iterator[str]:
    """Each route once, with the priorities it is for."""
    for route in dict.fromkeys(routes.values()):
        priorities = [priority.value for priority, other in routes.items() if other == route]
        whose = "" if len(priorities) == len(Priority) else f"{', '.join(priorities)}: "
        after = f", after {_span(route.after_ms)}" if route.after_ms is not None else ""
        yield whose + (" else " if route.first else " and ").join(route.channels) + after


def _span(ms: int) -> str:
    unit = next(unit for unit, size in UNITS_MS.items() if ms % size == 0)
    return f"{ms // UNITS_MS[unit]} {unit}"


if __name__ == "__main__":
    PAGE.write_text(page(load_policy()))
