"""Worker processes that can be killed, and a supervisor that starts again whatever ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.endpoints import Endpoints
from ops.fleet.members import endpoint_variables
from ops.local.paths import REPOSITORY

STOP_S = 30.0
SESSION_S, STALL_S = 8.0, 14.0


@dataclass(frozen=True)
class Death:
    """A worker that ended without being told to: its exit code, and what it said last."""

    role: str
    code: int
    words: str


class Workers:
    """Processes by name: a role, and a number when there are several (`bulk`, `bulk-2`). Logs and state are in `home`."""

    def __init__(self, endpoints: Endpoints, home: Path, variables: Mapping[str, str]) -> None:
        self.home = home
        self._env = {**os.environ, **endpoint_variables(endpoints)}
        # they give way to nobody: what else the machine does must not decide how much is in flight when one is struck
        self._env |= {"CARILLON_HOME": str(home), "PYTHONUNBUFFERED": "1", "CARILLON_GIVE_WAY": "false", **variables}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: list[Death] = []
        (home / "run").mkdir(parents=True, exist_ok=True)
        self.clock = home / "clock"
        """By how many ms the workers' clock is off."""
        self.clock.write_text("0")
        self._env["CARILLON_FAULTS_CLOCK"] = str(self.clock)

    def start(self, names: Iterable[str]) -> None:
        """Start a process for each name."""
        for name in names:
            role, _, number = name.partition("-")
            self._ready_file(name).unlink(missing_ok=True)
            env = {**self._env, "CARILLON_WORKER": number or "1", "CARILLON_READY_FILE": str(self._ready_file(name))}
            with self.log(name).open("ab") as sink:
                command = [sys.executable, "-m", "tests.faults.worker", role]
                self._running[name] = subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=sink, stderr=sink)

    @property
    def names(self) -> list[str]:
        """Who runs."""
        return list(self._running)

    def pid(self, name: str) -> int:
        """The process id of a worker."""
        return self._running[name].pid

    def ready(self, name: str) -> bool:
        """Whether it has said that it is past its start-up and recovery."""
        return self._ready_file(name).exists()

    def starting(self) -> dict[str, int]:
        """How many are not ready yet."""
        return {"starting": sum(not self.ready(name) for name in self._running)}

    def recovered_at(self, name: str) -> int:
        """When it last had all partitions it was given, epoch ms; 0: not yet."""
        file = self._ready_file(name)
        return int(json.loads(file.read_text())["at"]) if file.exists() else 0

    def kill(self, role: str) -> None:
        """SIGKILL, and start it again at once."""
        self.end([role])
        self.start([role])

    def end(self, names: Iterable[str], how: signal.Signals = signal.SIGKILL) -> dict[str, int]:
        """A signal to all of them at once; they stay down. Returns their exit codes."""
        return self.tell(names, how)()

    def tell(self, names: Iterable[str], how: signal.Signals) -> Callable[[], dict[str, int]]:
        """The same, without waiting; returns what waits, and gives the exit codes then."""
        ending = {name: self._running.pop(name) for name in names}
        for process in ending.values():
            process.send_signal(how)
        return lambda: {name: _wait(process) for name, process in ending.items()}

    def restart(self, role: str) -> int:
        """SIGTERM, and start it again when it has ended; returns its exit code."""
        (code,) = self.end([role], signal.SIGTERM).values()
        self.start([role])
        return code

    def stall(self, name: str) -> None:
        """Suspend it for longer than its session lasts, then let it go on."""
        process = self._running[name]
        process.send_signal(signal.SIGSTOP)
        threading.Timer(STALL_S, process.send_signal, [signal.SIGCONT]).start()

    def supervise(self) -> None:
        """Start again what has ended by itself."""
        for role, process in list(self._running.items()):
            if (code := process.poll()) is not None:
                self.deaths.append(Death(role, code, self._last_words(role)))
                self.start([role])

    def stop(self) -> dict[str, int]:
        """Stop all by SIGTERM; returns their exit codes (-9: had to be killed)."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        codes = {role: _wait(process) for role, process in self._running.items()}
        self._running.clear()
        return codes

    def log(self, role: str) -> Path:
        """Where a role's processes write what they have to say."""
        return self.home / f"{role}.log"

    def _ready_file(self, name: str) -> Path:
        role, _, number = name.partition("-")
        return self.home / "run" / f"{role}-{number or 1}.ready"

    def _last_words(self, role: str) -> str:
        lines = self.log(role).read_text(errors="replace").splitlines()
        ending = [line for line in lines if "ending the process" in line]
        return ending[-1] if ending else "\n".join(lines[-15:])


def _wait(process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + STOP_S
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
