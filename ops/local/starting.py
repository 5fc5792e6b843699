"""Bring one part up: prepare, start, and wait until it answers in its own protocol."""

import time
from collections.abc import Callable

from ops.local import jars, ports, processes
from ops.local.errors import PartFailed
from ops.local.parts import Part
from ops.local.settings import Settings

POLL_S = 0.1
LOG_LIMIT_BYTES = 32 * 1024 * 1024
Progress = Callable[[str, str], None]


def bring_up(part: Part, settings: Settings, progress: Progress) -> None:
    """Returns when the part is healthy. Raises PortTaken, PartFailed."""
    began = time.monotonic()
    pid_file, log = settings.home.pid(part.name), settings.home.log(part.name)
    if processes.running(pid_file) is not None:
        await_health(part, settings, since=log.stat().st_size if log.exists() else 0)
        progress(part.name, "already running")
        return
    for name in part.port_names:
        ports.require_free(name, settings.ports[name])
    progress(part.name, "starting")
    part.prepare(settings)
    since = fresh_log(settings, part.name)
    processes.start(part.command(settings), log, pid_file)
    await_health(part, settings, since)
    progress(part.name, f"healthy after {time.monotonic() - began:.1f} s")


def await_health(part: Part, settings: Settings, since: int) -> None:
    """Ask until the part answers, it dies, or time is up; in the last two cases it is stopped and PartFailed raised."""
    pid_file, log = settings.home.pid(part.name), settings.home.log(part.name)
    deadline = time.monotonic() + settings.start_timeout_s
    while True:
        try:
            return part.probe(settings)
        except Exception as error:  # whatever keeps it from answering, it is not healthy
            last = f"{type(error).__name__}: {error}"
        if processes.running(pid_file) is None:
            reason = "died while starting"
            break
        if time.monotonic() > deadline:
            reason = f"not healthy within {settings.start_timeout_s:.0f} s (last answer: {last})"
            break
        time.sleep(POLL_S)
    processes.stop(pid_file, part.stop_signal, grace_s=5.0)
    raise PartFailed(part.name, reason, log, jars.tail(log, since=since))


def fresh_log(settings: Settings, part: str) -> int:
    """Put a log that has grown too long aside. Returns where this run's lines will begin."""
    log = settings.home.log(part)
    size = log.stat().st_size if log.exists() else 0
    if size <= LOG_LIMIT_BYTES:
        return size
    log.replace(log.with_suffix(".log.1"))
    return 0
