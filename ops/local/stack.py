"""The whole local stack: up, down, status."""

import os
import shutil
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress

import msgspec
import psutil

from ops.endpoints import Endpoints
from ops.local import archives, jars, processes
from ops.local.errors import BadSetting
from ops.local.lock import exclusive
from ops.local.parts import PARTS, Part
from ops.local.parts.postgres import outside_folder
from ops.local.processes import End
from ops.local.settings import Settings
from ops.local.starting import Progress, bring_up, check_ports


class PartStatus(msgspec.Struct, frozen=True):
    """How one part is. ``state`` is running, unhealthy or stopped; memory in MB, uptime in seconds, None when stopped."""

    name: str
    state: str
    ports: dict[str, int]
    log: str
    pid: int | None = None
    memory_mb: int | None = None
    uptime_s: float | None = None


def up(parts: Iterable[str] | None = None, progress: Progress | None = None, *, settings: Settings | None = None) -> Endpoints:
    """Start the parts (default: all) that are not running, with what they need, and wait until each is healthy.

    Returns where everything is. Raises a StackError; parts that did become healthy stay up then.
    """
    settings = settings or Settings.load()
    tell = progress or _silent
    wanted = with_needs(parts)
    chosen = [PARTS[name] for name in wanted]
    endpoints = Endpoints.of(settings.home, settings.ports)
    with exclusive(settings.home):
        for part in chosen:
            check_ports(part, settings)
        if jars.missing(settings.home, wanted):
            tell("jars", "fetching")
            jars.fetch(settings.home, wanted)
        _write_endpoints(settings, endpoints)
        _start_all(chosen, settings, tell)
    return endpoints


def down(parts: Iterable[str] | None = None, progress: Progress | None = None, *, settings: Settings | None = None) -> list[str]:
    """Stop the parts (default: all) that were started from this home and nothing else. Returns their names."""
    settings = settings or Settings.load()
    tell = progress or _silent
    chosen = [PARTS[name] for name in known(parts)]
    with exclusive(settings.home):
        # whoever needs another part goes first; the rest goes together
        first = [part for part in chosen if part.needs]
        stopped = [name for group in (first, [p for p in chosen if p not in first]) for name in _stop_all(group, settings, tell)]
        if not any(processes.running(settings.home.pid(name)) for name in PARTS):
            settings.home.endpoints.unlink(missing_ok=True)
    return stopped


def clean(*, settings: Settings | None = None) -> None:
    """Stop everything and forget it: data, logs and pid files go, the jars stay."""
    settings = settings or Settings.load()
    down(settings=settings)
    for folder in (settings.home.data, settings.home.logs, settings.home.run, outside_folder(settings.home)):
        shutil.rmtree(folder, ignore_errors=True)


def status(*, settings: Settings | None = None) -> list[PartStatus]:
    """How each part is, asked of the part itself."""
    settings = settings or Settings.load()
    with ThreadPoolExecutor(len(PARTS)) as pool:
        return list(pool.map(lambda part: _status_of(part, settings), PARTS.values()))


def known(parts: Iterable[str] | None) -> list[str]:
    """The names asked for, in the stack's order. Raises BadSetting for a name that is none."""
    chosen = set(PARTS if parts is None else parts)
    if unknown := chosen - set(PARTS):
        raise BadSetting(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return [name for name in PARTS if name in chosen]


def with_needs(parts: Iterable[str] | None) -> list[str]:
    """The names asked for and those they need."""
    chosen = set(known(parts))
    return [name for name in PARTS if name in chosen or any(name in PARTS[other].needs for other in chosen)]


def _start_all(parts: list[Part], settings: Settings, tell: Progress) -> None:
    """All at once, save that a part waits for those it needs. The first failure is raised when all have ended."""
    futures: dict[str, Future[None]] = {}
    giving_up = threading.Event()

    def one(part: Part) -> None:
        for need in part.needs:
            futures[need].result()
        bring_up(part, settings, tell, giving_up)

    with ThreadPoolExecutor(max(1, len(parts))) as pool:
        try:
            for part in parts:
                futures[part.name] = pool.submit(one, part)
            wait(futures.values())
        except BaseException:  # Ctrl-C: what was started has its pid file, and ``down`` will find it
            giving_up.set()
            raise
    for future in futures.values():
        future.result()


def _stop_all(parts: list[Part], settings: Settings, tell: Progress) -> list[str]:
    def one(part: Part) -> bool:
        began = time.monotonic()
        end = processes.stop(settings.home.pid(part.name), part.stop_signal, part.stop_grace_s)
        if end is End.CLEAN:
            archives.keep(settings.home, part.name)
        if end is not End.ABSENT:
            tell(part.name, f"{'stopped' if end is End.CLEAN else 'killed'} after {time.monotonic() - began:.1f} s")
        return end is not End.ABSENT

    with ThreadPoolExecutor(max(1, len(parts))) as pool:
        return [part.name for part, stopped in zip(parts, pool.map(one, parts), strict=True) if stopped]


def _status_of(part: Part, settings: Settings) -> PartStatus:
    numbers = part.ports(settings)
    log = str(settings.home.log(part.name))
    pid = processes.running(settings.home.pid(part.name))
    if pid is None:
        return PartStatus(part.name, "stopped", numbers, log)
    try:
        part.probe(settings)
        state = "running"
    except Exception:  # whatever keeps it from answering, it is not healthy
        state = "unhealthy"
    try:
        process = psutil.Process(pid)
        memory = memory_of(process)
        return PartStatus(part.name, state, numbers, log, pid, memory >> 20, round(time.time() - process.create_time(), 1))
    except psutil.NoSuchProcess:
        return PartStatus(part.name, "stopped", numbers, log)


def memory_of(process: psutil.Process) -> int:
    """Bytes that a process and its children have in memory. Raises psutil.NoSuchProcess when it is gone itself."""
    total = process.memory_info().rss
    for child in process.children():
        with suppress(psutil.NoSuchProcess):  # Postgres has one for each connection, and they come and go
            total += child.memory_info().rss
    return int(total)


def _write_endpoints(settings: Settings, endpoints: Endpoints) -> None:
    fresh = settings.home.endpoints.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(endpoints)))
    fresh.replace(settings.home.endpoints)


def _silent(part: str, event: str) -> None:
    pass
