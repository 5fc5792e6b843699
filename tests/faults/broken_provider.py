"""A provider that does not do what it should."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.faults.stage import Stage


def behaving(**settings: object) -> Callable[[Stage], AbstractContextManager[None]]:
    """The sandbox server behaves by these of its settings."""

    @contextmanager
    def broken(stage: Stage) -> Iterator[None]:
        stage.provider(**settings)
        try:
            yield
        finally:
            stage.provider()

    return broken


@contextmanager
def refusing(stage: Stage) -> Iterator[None]:
    """Its port is shut: open connections are cut, further ones are refused."""
    stage.sandbox.refuse()
    try:
        yield
    finally:
        stage.sandbox.refuse(False)
