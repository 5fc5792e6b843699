"""How a member is: asked of the machine, and of the file it writes when it is ready."""

import time
from pathlib import Path

import msgspec
import psutil

from ops.fleet.members import Member
from ops.fleet.report import Kept
from ops.fleet.settings import FleetSettings
from ops.fleet.starting import pid_file
from ops.local import processes


class MemberStatus(msgspec.Struct, frozen=True):
    """`state` is running, starting, dead (it ended by itself), gave up (the supervisor starts it no more) or stopped; MB and seconds, None
    when it does not run. `restarts`: by the supervisor.
    """

    name: str
    state: str
    log: str
    pid: int | None = None
    memory_mb: int | None = None
    cpu_s: float | None = None
    uptime_s: float | None = None
    restarts: int = 0


def status_of(member: Member, settings: FleetSettings, kept: Kept) -> MemberStatus:
    """How a member is now; `kept`: what the supervisor says of it."""
    log = str(settings.local.home.log(member.name))
    return process_status(member.name, pid_file(settings, member.name), log, ready=member.ready.exists(), kept=kept)


def process_status(name: str, record: Path, log: str, *, ready: bool, kept: Kept) -> MemberStatus:
    """How the process of a pid file is now."""
    dead = MemberStatus(name, "gave up" if kept.gave_up else "dead", log, restarts=kept.restarts)
    pid = processes.running(record)
    if pid is None:
        return dead if record.exists() else MemberStatus(name, "stopped", log)
    try:
        process = psutil.Process(pid)
        times, memory = process.cpu_times(), process.memory_info().rss
        uptime_s = round(time.time() - process.create_time(), 1)
    except psutil.NoSuchProcess:
        return dead
    cpu_s = round(times.user + times.system, 1)
    return MemberStatus(name, "running" if ready else "starting", log, pid, memory >> 20, cpu_s, uptime_s, kept.restarts)
