"""One line per stage of the demo: what goes on, then how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


class Stages:
    """Prints on `console`; a spinner meanwhile when that is a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()
        self.took: dict[str, float] = {}

    @property
    def elapsed_s(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._began

    @contextmanager
    def timed(self, title: str) -> Iterator[None]:
        """A stage that shows itself."""
        began = time.monotonic()
        yield
        self._done(title, began)

    @contextmanager
    def stage(self, title: str) -> Iterator[Callable[[str], None]]:
        """Yields a function that says how far the stage is."""
        began = time.monotonic()
        with self.console.status(title) as status:
            yield lambda said: status.update(f"{title}  [dim]{said}[/dim]")
        self._done(title, began)

    def _done(self, title: str, began: float) -> None:
        self.took[title] = time.monotonic() - began
        self.console.print(f"[green]✓[/green] {title} [dim]{self.took[title]:.1f} s[/dim]")
