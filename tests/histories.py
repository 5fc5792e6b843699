"""`python -m tests.histories [--count 100000] [NAME ...]`: plays generated histories against slow, obvious oracles, and says how many."""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from tests.generated import play_all
from tests.unit.streams.audience import histories as audience
from tests.unit.streams.digest import histories as digest
from tests.unit.streams.policy import caps_histories, local_histories, quiet_histories
from tests.unit.streams.profiles import histories as profiles
from tests.unit.streams.routing import fallback_histories

ALL: dict[str, Callable[..., int]] = {
    "audience": audience.run,
    "caps": caps_histories.run,
    "digest": digest.run,
    "fallback": fallback_histories.run,
    "local_times": local_histories.run,
    "profiles": partial(play_all, profiles.histories(), profiles.check),
    "quiet_hours": quiet_histories.run,
}
"""Each plays so many histories, and raises AssertionError with the smallest that differs."""


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="histories of each (100,000 take minutes)")
    parser.add_argument("name", nargs="*", help=f"which: {', '.join(ALL)}; all when none is named")
    asked = parser.parse_args()
    if unknown := set(asked.name) - set(ALL):
        parser.error(f"no histories of {', '.join(sorted(unknown))}: {', '.join(ALL)}")
    for name in asked.name or ALL:
        began = time.monotonic()
        played = ALL[name](asked.count, derandomize=False)
        sys.stdout.write(f"{name}: {played:,} histories, 0 differences, {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
