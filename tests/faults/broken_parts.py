"""A part of the stack that is down."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ops.local import stack
from tests.faults.stage import Stage


def down(part: str) -> Callable[[Stage], AbstractContextManager[None]]:
    """The part is stopped as an operator would, and started again on the same port with the same data."""

    @contextmanager
    def broken(stage: Stage) -> Iterator[None]:
        stack.down([part], settings=stage.settings)
        try:
            yield
        finally:
            stack.up(stage.plan.parts, settings=stage.settings)

    return broken
