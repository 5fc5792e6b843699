"""Use the stack for a while, as tests do: reuse what runs, start what does not, and stop only what was started."""

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ops.endpoints import Endpoints
from ops.local import processes, stack
from ops.local.settings import Settings
from ops.local.starting import Progress


def give_back_on_sigterm() -> None:
    """From now on SIGTERM ends this process as an exit does: by default nothing is torn down, and what was started stays."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


@contextmanager
def borrowed(
    parts: Iterable[str] | None = None, progress: Progress | None = None, *, settings: Settings | None = None
) -> Iterator[Endpoints]:
    """The endpoints of a healthy stack. Raises a StackError when it cannot be had; what was started is stopped then too."""
    settings = settings or Settings.load()
    wanted = stack.with_needs(parts)
    started = [name for name in wanted if processes.running(settings.home.pid(name)) is None]
    try:
        yield stack.up(wanted, progress, settings=settings)
    finally:
        if started:
            stack.down(started, progress, settings=settings)
