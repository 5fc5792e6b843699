"""The play itself: customers are made known, the shop is busy, and everything is heard until nothing more is to come."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from rich.console import Console, ConsoleRenderable
from rich.live import Live

from ops.cli.asking import Asked, request_of
from ops.cli.errors import GaveUp
from ops.cli.requesting import send_and_watch
from ops.demo.facts import outbox
from ops.demo.heard import Heard
from ops.demo.live import line, view
from ops.demo.player import Player
from ops.demo.seeding import last_of_each_partition
from ops.demo.stores import Stores
from ops.demo.sums import expected_ids
from ops.endpoints import Endpoints
from ops.fleet import fleet
from ops.fleet.settings import FleetSettings
from providers.catalogue import Templates
from schemas.clock import now_ms
from streams.intake.loader import load_triggers
from streams.policy.loader import load_policy

KNOWN_TIMEOUT_S = 60.0
POLL_S = 0.15
LOOK_S = 1.0
PLAIN_EVERY_S = 5.0
LANES = (("login_code", "critical", {"code": "000000"}), ("login_code", "low", {"code": "000000"}))
"""One notification for each kind of delivery worker: each has its own copy of the profiles."""


class Played(NamedTuple):
    """`complete`: nothing was left open when the time was up. `restarted`: members that had died and were started again."""

    complete: bool
    restarted: list[str]


def await_known(endpoints: Endpoints, people: int, partitions: int) -> None:
    """Return when every process that decides or delivers knows the customers seeded last. Raises GaveUp after 60 s."""
    deadline = time.monotonic() + KNOWN_TIMEOUT_S
    users = last_of_each_partition(people, partitions)
    for template, priority, data in LANES:
        asked = Asked("demo", template, "system", priority, users, data=data)
        while _unknown(asked, endpoints):
            if time.monotonic() > deadline:
                raise GaveUp(f"the workers do not know all customers after {KNOWN_TIMEOUT_S:.0f} s; see the logs of decide-1 and bulk-1")


def _unknown(asked: Asked, endpoints: Endpoints) -> bool:
    request = request_of(asked, f"demo-{now_ms()}", now_ms(), Templates.load(), load_policy())
    tally = send_and_watch(request, endpoints, KNOWN_TIMEOUT_S, lambda _: None)
    return any(name.endswith(":user_unknown") for counts in tally.counts.values() for name in counts)


class Audience:
    """Watches the play until all of it has come to an end, and keeps the members alive meanwhile."""

    def __init__(self, player: Player, heard: Heard, stores: Stores, *, settings: FleetSettings, since: datetime) -> None:
        """`since`: when the play began, by the database's clock."""
        self._player, self._heard, self._stores = player, heard, stores
        self._settings, self._since = settings, since
        self._expected: list[str] | None = None
        self._restarted: list[str] = []
        self._looked = self._told = 0.0
        self._left = -1

    def watch(self, console: Console, timeout_s: float) -> Played:
        """Return when everything committed has an outcome and both stores have it, or when time is up."""
        deadline = time.monotonic() + timeout_s
        with Live(console=console, refresh_per_second=6, transient=True, auto_refresh=console.is_terminal) as live:
            while not self._finished():
                self._heard.listen(POLL_S)
                self._show(live.update, console)
                self._look()
                if time.monotonic() > deadline:
                    return Played(False, self._restarted)
        return Played(True, self._restarted)

    def _finished(self) -> bool:
        """When the play is over, Postgres is asked what was committed; all of that must have come to an end."""
        if self._player.error or self._stores.error:
            raise self._player.error or self._stores.error or AssertionError
        if not self._player.done:
            return False
        if self._expected is None:
            rows = outbox(self._settings.endpoints.postgres)
            committed = {event_id: kind for event_id, (kind, at) in rows.items() if at >= self._since}
            self._expected = list(expected_ids(committed, load_triggers()))
        self._left = sum(not self._heard.complete(notification) for notification in self._expected)
        return self._left == 0 and self._stores.behind() == 0

    def _show(self, update: Callable[[ConsoleRenderable], None], console: Console) -> None:
        if console.is_terminal:
            update(view(self._player, self._heard, self._stores, self._sale(), self._said()))
        elif time.monotonic() > self._told + PLAIN_EVERY_S:
            self._told = time.monotonic()
            console.print(f"  {line(self._player, self._heard)}; {self._said()}")

    def _said(self) -> str:
        if not self._player.done:
            return "customers order, like and log in; the connector is restarted on the way"
        return f"{self._left} notifications are still under way" if self._left else "the stores catch up"

    def _sale(self) -> str:
        sale = self._player.sale
        return next(iter(expected_ids({sale.event_id: "sale.started"}, load_triggers())), "") if sale else ""

    def _look(self) -> None:
        if time.monotonic() > self._looked + LOOK_S:
            self._looked = time.monotonic()
            self._restarted += fleet.ensure_running(settings=self._settings)
