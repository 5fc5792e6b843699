"""The fleet: up, down, status, and what tests and benches do to it."""

import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from ops.fleet import supervising
from ops.fleet.health import MemberStatus, status_of
from ops.fleet.members import Member, farewell, members
from ops.fleet.ports import require_free
from ops.fleet.report import load
from ops.fleet.settings import FleetSettings
from ops.fleet.starting import await_ready, pid_file, start
from ops.local import processes
from ops.local.errors import BadSetting, PartFailed, StackError
from ops.local.lock import exclusive

Progress = Callable[[str, str], None]
KILL_WAIT_S = 10.0


def up(progress: Progress | None = None, *, settings: FleetSettings | None = None, supervised: bool = False) -> list[str]:
    """Start the members that do not run and wait until each is ready; returns the names of those that were started.

    `supervised`: leave a process behind that starts again what dies. Tests and benches, which kill members themselves, want none.
    Raises a StackError; what did become ready stays up then.
    """
    settings = settings or FleetSettings.load()
    with exclusive(settings.local.home):
        stopped = [member for member in members(settings) if _pid(settings, member.name) is None]
        for member in stopped:
            for name, port in member.ports.items():
                require_free(name, port)
        began = _start(stopped, settings, progress or _silent)
        if supervised and supervising.ensure(settings, anew=bool(began)):
            (progress or _silent)(supervising.NAME, "watches the others")
        return began


def down(progress: Progress | None = None, *, only: Iterable[str] | None = None, settings: FleetSettings | None = None) -> list[str]:
    """Stop the members (default: every one, and the supervisor first) that were started from this home and nothing else.

    `only`: these are scaled away: workers leave their groups at once. Everyone is stopped as for a restart. Returns their names.
    """
    settings = settings or FleetSettings.load()
    tell = progress or _silent
    if only is None and supervising.stop(settings):
        tell(supervising.NAME, "stopped")
    with exclusive(settings.local.home):
        known = sorted(path.stem for path in pid_file(settings, "").parent.glob("*.pid"))
        chosen = known if only is None else [name for name in known if name in set(only)]
        return _each(chosen, lambda name: _stop(name, settings, tell, signal.SIGTERM if only is None else farewell(name)))


def status(*, settings: FleetSettings | None = None) -> list[MemberStatus]:
    """How each member is."""
    settings = settings or FleetSettings.load()
    found = load(settings)
    return [status_of(member, settings, found.of(member.name)) for member in members(settings)]


def supervisor(*, settings: FleetSettings | None = None) -> list[MemberStatus]:
    """How the supervisor is; nothing when the fleet was started without one."""
    settings = settings or FleetSettings.load()
    return [supervising.status(settings)] if pid_file(settings, supervising.NAME).exists() else []


def running(*, settings: FleetSettings | None = None) -> bool:
    """Whether every member runs and is ready."""
    return all(member.state == "running" for member in status(settings=settings))


def restart(name: str, *, settings: FleetSettings | None = None) -> int:
    """Stop a member as an operator would, start it again, and return its pid when it is ready."""
    settings = settings or FleetSettings.load()
    member = find(name, settings)
    with exclusive(settings.local.home):
        _stop(name, settings, _silent)
        _start([member], settings, _silent)
    return _pid(settings, name) or 0


def kill(name: str, *, settings: FleetSettings | None = None) -> int:
    """End a member by SIGKILL, as a crash would; returns the pid it had. Raises StackError when it does not run."""
    settings = settings or FleetSettings.load()
    find(name, settings)
    pid = _pid(settings, name)
    if pid is None:
        raise StackError(f"{name} does not run: there is nothing to kill")
    processes.stop(pid_file(settings, name), signal.SIGKILL, KILL_WAIT_S)
    return pid


def ensure_running(progress: Progress | None = None, *, settings: FleetSettings | None = None) -> list[str]:
    """Start the members that have died, and wait until they are ready; returns their names."""
    settings = settings or FleetSettings.load()
    dead = [member for member in members(settings) if _pid(settings, member.name) is None]
    if not dead:
        return []
    with exclusive(settings.local.home):
        return _start([member for member in dead if _pid(settings, member.name) is None], settings, progress or _silent)


def find(name: str, settings: FleetSettings) -> Member:
    """The member of that name. Raises BadSetting."""
    known = {member.name: member for member in members(settings)}
    if name not in known:
        raise BadSetting(f"no member {name!r} in the fleet; there are {', '.join(known)}")
    return known[name]


def _start(chosen: list[Member], settings: FleetSettings, tell: Progress) -> list[str]:
    """Start all, then wait for all: most of a start is the interpreter's, and cores are few."""
    began = time.monotonic()
    since = {member.name: start(member, settings) for member in chosen}
    for member in chosen:
        tell(member.name, "starting")
    failures: list[PartFailed] = []
    for member in chosen:
        try:
            await_ready(member, settings, since[member.name], began + settings.local.start_timeout_s)
            tell(member.name, f"ready after {time.monotonic() - began:.1f} s")
        except PartFailed as error:
            failures.append(error)
            processes.stop(pid_file(settings, member.name), grace_s=5.0)
    if failures:
        raise failures[0]
    return [member.name for member in chosen]


def _stop(name: str, settings: FleetSettings, tell: Progress, how: signal.Signals = signal.SIGTERM) -> bool:
    began = time.monotonic()
    grace_s = next((member.grace_s for member in members(settings) if member.name == name), 20.0)
    end = processes.stop(pid_file(settings, name), how, grace_s)
    if end is not processes.End.ABSENT:
        ended = "stopped" if end is processes.End.CLEAN else "killed, it did not end when asked to,"
        tell(name, f"{ended} after {time.monotonic() - began:.1f} s")
    return end is not processes.End.ABSENT


def _each(names: Iterable[str], work: Callable[[str], bool]) -> list[str]:
    chosen = list(names)
    with ThreadPoolExecutor(max(1, len(chosen))) as pool:
        return [name for name, done in zip(chosen, pool.map(work, chosen), strict=True) if done]


def _pid(settings: FleetSettings, name: str) -> int | None:
    return processes.running(pid_file(settings, name))


def _silent(member: str, event: str) -> None:
    pass
