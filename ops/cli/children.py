"""Several commands side by side in one terminal: one child process each; signals go on to them, and when one ends, all end."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from streams.settings import LEAVE

POLL_S = 0.1
GRACE_S = 20.0


def run_together(commands: Sequence[Sequence[str]]) -> int:
    """Run `carillon <command>` for each; returns the exit code of the one that ended first (0 when told to stop)."""
    children = [subprocess.Popen([sys.executable, "-m", "ops.cli.main", *command]) for command in commands]
    told: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        told.append(number)
        _signal(children, number)

    for number in (signal.SIGTERM, signal.SIGINT, LEAVE):
        signal.signal(number, forward)
    while all(child.poll() is None for child in children):
        time.sleep(POLL_S)
    first = next(child.returncode for child in children if child.poll() is not None)
    _end(children)
    return 0 if told else first or 1


def _end(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    _signal(children, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _signal(children: Sequence["subprocess.Popen[bytes]"], number: int) -> None:
    for child in children:
        if child.poll() is None:
            child.send_signal(number)
