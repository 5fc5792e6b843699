"""Watches the members and starts again what died: `python -m ops.fleet.supervisor`, as `carillon up` leaves it behind.

Killed between a death, or its own kill, and the start: the member stays dead, with its pid file, until the next `carillon up`. Killed
between the start and the report: one restart is missing in `carillon ps`.
"""

import logging
import os
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ops.fleet import probing, report, rules
from ops.fleet.members import Member, members
from ops.fleet.rules import Action, Care, Policy, Sight
from ops.fleet.settings import FleetSettings
from ops.fleet.starting import pid_file, start
from ops.local import jars, processes
from ops.local.errors import StackBusy
from ops.local.lock import exclusive

CHECK_S = 1.0
ASK_EVERY = 5
LAST_LINES = 15

logger = logging.getLogger("carillon.supervisor")


class Supervisor:
    """One round after another: look at every member, decide, act."""

    def __init__(self, settings: FleetSettings, everyone: list[Member], policy: Policy | None = None) -> None:
        self._settings, self._everyone = settings, everyone
        self._policy = policy or Policy()
        self._care = {member.name: Care() for member in everyone}
        self._rounds = 0
        self._absent: dict[str, list[str]] = {}
        settings.local.home.create()
        self._tell()

    def run(self, stop: threading.Event, check_s: float = CHECK_S) -> None:
        """Until told to stop."""
        logger.info("watching %s", ", ".join(self._care))
        while not stop.wait(check_s):
            try:
                self.round()
            except Exception:  # it must go on watching, whatever it met
                logger.exception("a round failed")

    def round(self) -> None:
        """Look once at every member, all at the same time."""
        asking = self._rounds % ASK_EVERY == 0
        self._rounds += 1
        with ThreadPoolExecutor(max(1, len(self._everyone))) as pool:
            sights = list(pool.map(lambda member: self._see(member, asking), self._everyone))
        for member, sight in zip(self._everyone, sights, strict=True):
            self._attend(member, sight)

    def _see(self, member: Member, asking: bool) -> Sight:
        record = pid_file(self._settings, member.name)
        pid = processes.running(record)
        if pid is None:
            away = probing.absent(member.needs)
            if away and away != self._absent.get(member.name):
                logger.warning("%s: waits for %s", member.name, ", ".join(away))
            self._absent[member.name] = away
            return Sight(None, recorded=record.exists(), served=not away)
        if not asking or not (member.health or member.ports):
            return Sight(pid)
        place = probing.address(member, pid)
        return Sight(pid, asked=True, healthy=probing.healthy(*place) if place else None)

    def _attend(self, member: Member, sight: Sight) -> None:
        care = self._care[member.name]
        fresh = care.due is None
        action = rules.decide(care, sight, time.monotonic(), random.random(), self._policy)
        if fresh and care.due is not None:
            wait_s = care.due - time.monotonic()
            logger.warning("%s died (%d in %.0f s); starts again in %.1f s", member.name, len(care.deaths), self._policy.within_s, wait_s)
        if action is Action.GIVE_UP:
            logger.critical("%s is GIVEN UP: %d deaths in %.0f s; `carillon up` tries again. Its last lines:\n%s", *self._last(member))
            self._tell()
        elif action is not Action.NOTHING:
            with suppress(StackBusy), exclusive(self._settings.local.home, wait_s=0.0):  # busy: an up or down is at work
                self._start(member, care) if action is Action.START else self._kill(member, sight.pid)

    def _start(self, member: Member, care: Care) -> None:
        record = pid_file(self._settings, member.name)
        if processes.running(record) is None and record.exists():  # nobody was faster, nobody stopped it
            start(member, self._settings)
            rules.started(care)
            logger.info("%s: started again, as pid %s", member.name, processes.running(record))
            self._tell()

    def _kill(self, member: Member, pid: int | None) -> None:
        if pid is not None and processes.running(pid_file(self._settings, member.name)) == pid:
            logger.critical(
                "%s (pid %d) does not say that it is well, %d times in a row: killed", member.name, pid, self._policy.sick_checks
            )
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _last(self, member: Member) -> tuple[str, int, float, str]:
        lines = jars.tail(self._settings.local.home.log(member.name), LAST_LINES)
        return member.name, self._policy.deaths, self._policy.within_s, "\n".join(f"  | {line}" for line in lines)

    def _tell(self) -> None:
        kept = {name: report.Kept(care.restarts, care.gave_up) for name, care in self._care.items()}
        report.save(self._settings, report.Report(kept))


def main() -> None:
    """Supervise the fleet that the environment describes, until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = FleetSettings.load()
    Supervisor(settings, members(settings)).run(stop)
    logger.info("stopped; the members go on")


if __name__ == "__main__":
    main()
