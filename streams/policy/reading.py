"""From a policy as it is written to one that can be used, or everything that is wrong with it, each mistake with its place. Pure."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from schemas.records import Priority
from streams.policy.policy import CATEGORIES, CHECKS, CategoryPolicy, DigestPolicy, Policy, Retry, Route
from streams.policy.written import WrittenCategory, WrittenDigest, WrittenFile, WrittenRetry, WrittenRoute, WrittenRoutes, span

IN_QUIET_HOURS = ("defer", "suppress")
FIRST = ("wait", "now")
_AT = re.compile(r" - at (?:`key` in )?`\$(.*)`$", re.DOTALL)
T = TypeVar("T")


class Reading:
    """Reads one file; `mistakes` says what is wrong with it, a line each: the place in the file, and what."""

    def __init__(self, channels: Sequence[str]) -> None:
        """`channels`: those that exist."""
        self._channels = channels
        self.mistakes: list[str] = []

    def policy(self, content: Any) -> Policy | None:
        """The policy in a file's content, without its version; None, or one that can't be used, when there are mistakes."""
        file = self._convert(content, WrittenFile, "")
        if file is None:
            return None
        if file.user.an_hour > file.user.a_day:
            self._wrong("user.an_hour", f"{file.user.an_hour} is more than a_day, {file.user.a_day}")
        for name in CATEGORIES:
            if name not in file.categories:
                self._wrong("categories", f"{name} is missing")
        made = [self._category(name, raw) for name, raw in file.categories.items()]
        return Policy(
            an_hour=file.user.an_hour,
            a_day=file.user.a_day,
            spread_ms=file.release_within.ms,
            critical_retry=self._retry(file.critical.retry, "critical.retry"),
            categories={category.name: category for category in made if category is not None},
        )

    def _category(self, name: str, raw: Any) -> CategoryPolicy | None:
        at = f"categories.{name}"
        written = self._convert(raw, WrittenCategory, at)
        if written is None:
            return None
        self._known(written.binds, CHECKS, "check", f"{at}.binds")
        self._check_quiet_hours(written, at)
        return CategoryPolicy(
            name=name,
            **{check: check in written.binds for check in CHECKS},
            defers=written.in_quiet_hours == "defer",
            a_day=written.a_day,
            expires_after_ms=written.expires_after.ms if written.expires_after else None,
            resend_unknown=written.resend_unknown,
            retry=self._retry(written.retry, f"{at}.retry"),
            routes=self._routes(written.channels, f"{at}.channels"),
            shed_over_ms=written.shed_over.ms if written.shed_over else None,
            digest=self._digest(written.digest, f"{at}.digest"),
        )

    def _check_quiet_hours(self, written: WrittenCategory, at: str) -> None:
        said, binding = written.in_quiet_hours, "quiet_hours" in written.binds
        if binding and said is None:
            self._wrong(at, f"in_quiet_hours is missing: {' or '.join(IN_QUIET_HOURS)}")
        if said is not None:
            self._known([said], IN_QUIET_HOURS, "choice", f"{at}.in_quiet_hours")
            if not binding:
                self._wrong(f"{at}.in_quiet_hours", "quiet_hours is not in binds")

    def _digest(self, written: WrittenDigest | None, at: str) -> DigestPolicy | None:
        if written is None:
            return None
        self._known([written.first], FIRST, "choice", f"{at}.first")
        return DigestPolicy(written.window.ms, written.count, written.first == "now", written.daily)

    def _retry(self, written: WrittenRetry, at: str) -> Retry:
        if not written.first.ms <= written.most.ms <= written.during.ms:
            self._wrong(at, "first must not be longer than most, nor most than for")
        return Retry(written.during.ms, written.first.ms, written.most.ms)

    def _routes(self, written: WrittenRoutes, at: str) -> dict[Priority, Route]:
        routes = {}
        for priority in Priority:
            name = priority.value if getattr(written, priority) else "others"
            route: WrittenRoute | None = getattr(written, name)
            if route is None:
                self._wrong(at, f"{priority} is missing, and so is others")
            else:
                routes[priority] = Route(tuple(route.first or route.every), bool(route.first), route.after.ms if route.after else None)
        for name in written.__struct_fields__:
            if route := getattr(written, name):
                self._check_route(route, f"{at}.{name}")
        return routes

    def _check_route(self, route: WrittenRoute, at: str) -> None:
        if bool(route.first) == bool(route.every):
            self._wrong(at, "either all or first, with one channel or more")
        self._known([*route.every, *route.first], self._channels, "channel", at)
        if route.after and len(route.first) < 2:
            self._wrong(f"{at}.after", "no channel comes next: first needs two or more")

    def _known(self, names: Sequence[str], known: Sequence[str], what: str, at: str) -> None:
        for number, name in enumerate(names):
            if name not in known:
                self._wrong(at, f"{what} {name!r} is none of {', '.join(known)}")
            elif name in names[:number]:
                self._wrong(at, f"{what} {name!r} is there twice")

    def _convert(self, raw: Any, kind: type[T], at: str) -> T | None:
        try:
            return msgspec.convert(raw, kind, dec_hook=span)
        except msgspec.ValidationError as error:
            found = _AT.search(str(error))
            self._wrong(f"{at}{found[1] if found else ''}".strip("."), _AT.sub("", str(error)))
            return None

    def _wrong(self, at: str, what: str) -> None:
        self.mistakes.append(f"{at}: {what}" if at else what)
