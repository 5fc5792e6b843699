"""Starts and stops the supervisor: a process of the fleet like the others, but stopped before them.

Killed between the stop of an old supervisor and the start of the new one: there is none, and `carillon ps` says so.
"""

import sys

from ops.fleet.health import MemberStatus, process_status
from ops.fleet.members import environment
from ops.fleet.report import Kept, report_file
from ops.fleet.settings import FleetSettings
from ops.fleet.starting import pid_file
from ops.local import processes, starting
from ops.local.paths import REPOSITORY
from ops.local.processes import Command

NAME = "supervisor"
GRACE_S = 15.0


def ensure(settings: FleetSettings, *, anew: bool = False) -> bool:
    """Start it unless it runs; returns whether it was started. `anew`: another one in its place, which has given up nobody.

    The caller holds the home's lock.
    """
    record = pid_file(settings, NAME)
    if anew:
        stop(settings)
    if processes.running(record) is not None:
        return False
    settings.local.home.create()
    record.parent.mkdir(exist_ok=True)
    starting.fresh_log(settings.local, NAME)
    command = Command([sys.executable, "-m", "ops.fleet.supervisor"], REPOSITORY, environment(settings))
    processes.start(command, settings.local.home.log(NAME), record)
    return True


def stop(settings: FleetSettings) -> bool:
    """Stop it; the members go on. Returns whether it ran."""
    ended = processes.stop(pid_file(settings, NAME), grace_s=GRACE_S)
    report_file(settings).unlink(missing_ok=True)
    return ended is not processes.End.ABSENT


def status(settings: FleetSettings) -> MemberStatus:
    """How it is: running or dead."""
    record, log = pid_file(settings, NAME), str(settings.local.home.log(NAME))
    return process_status(NAME, record, log, ready=True, kept=Kept())
