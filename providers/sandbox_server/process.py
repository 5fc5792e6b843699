"""Start and stop a sandbox server of one's own: `with running() as server: server.base_url`."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
START_S = 15.0
STOP_S = 5.0


class SandboxStartError(Exception):
    """The server did not listen in time, or ended; the text carries its last words."""


class SandboxProcess:
    """A sandbox server as a child process; `tied`: it ends with this process. Raises SandboxStartError from `start`."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1", *, tied: bool = False) -> None:
        self._host, self._port, self._tied = host, port, tied
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    @property
    def pid(self) -> int:
        """The child's process id."""
        if self._process is None:
            raise SandboxStartError("not started")
        return self._process.pid

    def start(self) -> "SandboxProcess":
        """Start it and wait until it listens; a second start takes the same port again."""
        with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
            words = Path(folder, "stderr")
            with words.open("wb") as stderr:
                self._process = self._spawn(Path(folder, "port"), stderr.fileno())
            self._port = self._await_port(Path(folder, "port"), words)
        return self

    def stop(self) -> None:
        """Stop it: SIGTERM, then SIGKILL after 5 s. Does nothing when it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def refuse(self, refuses: bool = True) -> None:
        """Refuse every connection from now on, or take them again; what arrived is not forgotten. Raises SandboxStartError after 15 s."""
        os.kill(self.pid, signal.SIGUSR1 if refuses else signal.SIGUSR2)
        deadline = time.monotonic() + START_S
        while self._listens() is refuses:
            if time.monotonic() > deadline:
                raise SandboxStartError(f"still {'listening' if refuses else 'refusing'} after {START_S:.0f} s")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        try:
            socket.create_connection((self._host, self._port), START_S).close()
        except ConnectionError:
            return False
        return True

    def _spawn(self, port_file: Path, stderr: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "providers.sandbox_server", "--host", self._host, "--port", str(self._port)]
        command += ["--port-file", str(port_file), *(["--parent", str(os.getpid())] if self._tied else [])]
        return subprocess.Popen(command, cwd=REPOSITORY, stderr=stderr)

    def _await_port(self, port_file: Path, words: Path) -> int:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if port_file.exists():
                return int(port_file.read_text())
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.01)
        self.kill()
        raise SandboxStartError(f"the sandbox server did not start: {words.read_text()[-2000:]}")


@contextmanager
def running(port: int = 0) -> Iterator[SandboxProcess]:
    """Yield a started server, and stop it."""
    server = SandboxProcess(port, tied=True).start()
    try:
        yield server
    finally:
        server.stop()
