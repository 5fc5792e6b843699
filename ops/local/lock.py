"""One ``up`` or ``down`` of a home at a time; the lock ends with the process that holds it."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ops.local.errors import StackBusy
from ops.local.paths import Home

WAIT_S = 180.0
POLL_S = 0.1


@contextmanager
def exclusive(home: Home, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the home's lock. Raises StackBusy after ``wait_s`` seconds."""
    home.create()
    path = home.run / "lock"
    with path.open("a") as file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise StackBusy(f"another up or down of {home.root} has been at work for {wait_s:.0f} s ({path})") from error
                time.sleep(POLL_S)
        yield
