"""A projection in a process of its own, for tests that end it: `python -m ...worker <name> <home> <prefix> [die]`.

`die` after-write: SIGKILL itself when the second batch is written and not committed; in-write: when half of it is written.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.endpoints import Endpoints
from projections.base import Item, Projection
from projections.cassandra.projection import CassandraProjection
from projections.clickhouse.projection import ClickHouseProjection
from projections.run import run
from tests.integration.projections.places import Places

KINDS: dict[str, type[Projection]] = {"cassandra": CassandraProjection, "clickhouse": ClickHouseProjection}


def deadly(kind: type[Projection], die: str) -> None:
    """Make the second `apply` the last."""
    apply, calls = kind.apply, iter((False, True))

    def last(self: Projection, items: Sequence[Item]) -> None:
        if not next(calls):
            return apply(self, items)
        apply(self, items if die == "after-write" else items[: len(items) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    kind.apply = last  # type: ignore[method-assign]


def main(name: str, home: str, prefix: str, die: str = "") -> None:
    places = Places(Endpoints.load(), prefix, Path(home))
    if die in ("after-write", "in-write"):
        deadly(KINDS[name], die)
    run([name], places.endpoints, places.settings, until_end=die != "forever", ready=say_ready)


def say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
