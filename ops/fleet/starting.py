"""Start one member and wait until it says that it is ready."""

import time
from pathlib import Path

from ops.fleet.members import Member
from ops.fleet.settings import FleetSettings
from ops.local import jars, processes, starting
from ops.local.errors import PartFailed

POLL_S = 0.05


def pid_file(settings: FleetSettings, name: str) -> Path:
    """Where a member's process is recorded: apart from those of the stack, so that `down` of one leaves the other alone."""
    return settings.local.home.run / "fleet" / f"{name}.pid"


def start(member: Member, settings: FleetSettings) -> int:
    """Start the process; returns where its lines begin in its log (bytes)."""
    settings.local.home.create()
    record = pid_file(settings, member.name)
    record.parent.mkdir(exist_ok=True)
    member.ready.unlink(missing_ok=True)
    since = starting.fresh_log(settings.local, member.name)
    processes.start(member.command, settings.local.home.log(member.name), record, member.ports)
    return since


def await_ready(member: Member, settings: FleetSettings, since: int, deadline: float) -> None:
    """Return when the member is ready. Raises PartFailed, with its last words, when it dies or `deadline` (monotonic s) passes."""
    log, record = settings.local.home.log(member.name), pid_file(settings, member.name)
    while not member.ready.exists():
        if processes.running(record) is None:
            raise PartFailed(member.name, "died while starting", log, jars.tail(log, since=since))
        if time.monotonic() > deadline:
            reason = f"not ready within {settings.local.start_timeout_s:.0f} s"
            raise PartFailed(member.name, reason, log, jars.tail(log, since=since))
        time.sleep(POLL_S)
