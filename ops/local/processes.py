"""Start, recognise and stop processes that outlive us.

A process is started in its own session with its output in a log file. Its pid file records when it started as well, so a
pid that the machine has given to another program since is never taken for ours, let alone killed.

Killed between start and pid file: the part runs without a pid file; the next ``up`` reports its port as taken, and by whom.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypedDict

import msgspec

from ops.local.errors import StackError
from ops.local.identity import started_at

POLL_S = 0.05
# the shell starts the program in the background, tells its pid and ends: no zombie is left to us, whoever we are
LAUNCH = '"$@" >&2 </dev/null & echo $!'


@dataclass(frozen=True)
class User:
    """The unprivileged user a program runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to start. Only a few variables of our own environment are passed on, then ``env``."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None


class PidFile(msgspec.Struct, frozen=True):
    """A process, told apart from any other that had or will have its pid."""

    pid: int
    started: str
    ports: dict[str, int] = {}


def start(command: Command, log: Path, pid_file: Path, ports: Mapping[str, int] | None = None) -> int:
    """Start detached and record it, with the ports it was given. Returns the pid."""
    with log.open("ab") as sink:
        result = subprocess.run(
            ["/bin/sh", "-c", LAUNCH, "sh", *command.argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sink, cwd=command.cwd, env=environment(command.env),
            start_new_session=True, timeout=10, check=True, **as_user(command.user),
        )  # fmt: skip
    pid = int(result.stdout)
    started = started_at(pid)
    if started is not None:
        _write(pid_file, msgspec.json.encode(PidFile(pid, started, dict(ports or {}))))
    return pid


class AsUser(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def as_user(user: User | None) -> AsUser:
    """The arguments of subprocess that drop privileges."""
    return AsUser() if user is None else AsUser(user=user.uid, group=user.gid, extra_groups=[])


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """PATH and a neutral locale; nothing else of ours (JAVA_TOOL_OPTIONS, PGDATA, proxies, secrets) leaks in."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": os.environ.get("HOME", "/"), **extra}


def recorded(pid_file: Path) -> PidFile | None:
    """The record when its process is alive; None when that is gone or the pid is somebody else's by now."""
    try:
        record = msgspec.json.decode(pid_file.read_bytes(), type=PidFile)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return record if started_at(record.pid) == record.started else None


def running(pid_file: Path) -> int | None:
    """The pid of the recorded process, when it is alive."""
    record = recorded(pid_file)
    return record.pid if record else None


class End(Enum):
    """How a stop went."""

    ABSENT = "there was nothing to stop"
    CLEAN = "it ended when asked to"
    KILLED = "it had to be killed"


def stop(pid_file: Path, how: signal.Signals = signal.SIGTERM, grace_s: float = 20.0) -> End:
    """Ask, wait at most ``grace_s`` seconds, then kill. Raises StackError when even that does not help."""
    pid = running(pid_file)
    end = End.ABSENT if pid is None else End.CLEAN
    if pid is not None:
        _signal(pid, how)
        if not gone(pid_file, grace_s):
            end = End.KILLED
            _signal(pid, signal.SIGKILL)
            if not gone(pid_file, 5.0):
                raise StackError(f"process {pid} ({pid_file.stem}) does not end, not even by SIGKILL")
    pid_file.unlink(missing_ok=True)
    return end


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def gone(pid_file: Path, within_s: float) -> bool:
    """Wait for the recorded process to end."""
    deadline = time.monotonic() + within_s
    while running(pid_file) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)
