"""How a member is: asked of the machine, and of the file it writes when it is ready."""

import time

import msgspec
import psutil

from ops.fleet.members import Member
from ops.fleet.settings import FleetSettings
from ops.fleet.starting import pid_file
from ops.local import processes


class MemberStatus(msgspec.Struct, frozen=True):
    """`state` is running, starting, dead (it ended by itself) or stopped; MB and seconds, None when it does not run."""

    name: str
    state: str
    log: str
    pid: int | None = None
    memory_mb: int | None = None
    cpu_s: float | None = None
    uptime_s: float | None = None


def status_of(member: Member, settings: FleetSettings) -> MemberStatus:
    """How a member is now."""
    record, log = pid_file(settings, member.name), str(settings.local.home.log(member.name))
    pid = processes.running(record)
    if pid is None:
        return MemberStatus(member.name, "dead" if record.exists() else "stopped", log)
    try:
        process = psutil.Process(pid)
        times, memory = process.cpu_times(), process.memory_info().rss
        uptime_s = round(time.time() - process.create_time(), 1)
    except psutil.NoSuchProcess:
        return MemberStatus(member.name, "dead", log)
    state = "running" if member.ready.exists() else "starting"
    return MemberStatus(member.name, state, log, pid, memory >> 20, round(times.user + times.system, 1), uptime_s)
