"""Bring one part up: prepare, start, and wait until it answers in its own protocol."""

import threading
import time
from collections.abc import Callable

from ops.local import jars, ports, processes
from ops.local.errors import BadSetting, PartFailed
from ops.local.parts import Part
from ops.local.settings import Settings

POLL_S = 0.1
LOG_LIMIT_BYTES = 32 * 1024 * 1024
Progress = Callable[[str, str], None]


def check_ports(part: Part, settings: Settings) -> None:
    """Raises PortTaken when a port of a stopped part is taken, BadSetting when a running part has other ports than wanted."""
    record = processes.recorded(settings.home.pid(part.name))
    wanted = part.ports(settings)
    if record is None:
        for name, number in wanted.items():
            ports.require_free(name, number)
    elif record.ports != wanted:
        raise BadSetting(f"{part.name} runs on ports {record.ports}, but {wanted} are wanted now: stop it first (make down)")


def bring_up(part: Part, settings: Settings, progress: Progress, giving_up: threading.Event) -> None:
    """Returns when the part is healthy. Raises PartFailed; then it is stopped, unless it ran before."""
    began = time.monotonic()
    pid_file, log = settings.home.pid(part.name), settings.home.log(part.name)
    if processes.running(pid_file) is not None:
        await_health(part, settings, log.stat().st_size if log.exists() else 0, giving_up)
        progress(part.name, "already running")
        return
    progress(part.name, "starting")
    if note := part.prepare(settings):
        progress(part.name, note)
    since = fresh_log(settings, part.name)
    processes.start(part.command(settings), log, pid_file, part.ports(settings))
    try:
        await_health(part, settings, since, giving_up)
    except PartFailed:
        processes.stop(pid_file, part.stop_signal, grace_s=5.0)
        raise
    progress(part.name, f"healthy after {time.monotonic() - began:.1f} s")


def await_health(part: Part, settings: Settings, since: int, giving_up: threading.Event) -> None:
    """Ask until the part answers. Raises PartFailed when it dies or time is up; ``since`` is where its log began."""
    pid_file, log = settings.home.pid(part.name), settings.home.log(part.name)
    deadline = time.monotonic() + settings.start_timeout_s
    while True:
        if processes.running(pid_file) is None:
            raise PartFailed(part.name, "died while starting", log, jars.tail(log, since=since))
        try:
            return part.probe(settings)
        except Exception as error:  # whatever keeps it from answering, it is not healthy
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            reason = f"not healthy within {settings.start_timeout_s:.0f} s (last answer: {last})"
            raise PartFailed(part.name, reason, log, jars.tail(log, since=since))
        if giving_up.wait(POLL_S):
            raise PartFailed(part.name, "interrupted while starting", log, [])


def fresh_log(settings: Settings, part: str) -> int:
    """Put a log that has grown too long aside. Returns where this run's lines will begin."""
    log = settings.home.log(part)
    size = log.stat().st_size if log.exists() else 0
    if size <= LOG_LIMIT_BYTES:
        return size
    log.replace(log.with_suffix(".log.1"))
    return 0
