"""python -m tests.faults.series [NAME ...] --seeds 10 --lanes 2 --first S: every fault, seed after seed, some runs beside each other.

A line for each run as it ends, then one line of JSON with the sums; the exit code says whether all held. What a run needs, and what it
leaves, is `tests.faults.run`'s.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.faults import FAULTS

WORLD = ("--users", "1500", "--campaign-s", "4", "--likes", "200")
"""With campaigns at every moment one run would take all of a small machine: so several fit beside each other."""
STRIKES: Mapping[str, tuple[str, ...]] = {
    "kill_of_two": ("--kills", "6", "--workers", "2"),
    "restart": ("--how", "restart", "--kills", "6"),
    "stall": ("--how", "stall", "--kills", "3"),
    "stall_of_two": ("--how", "stall", "--kills", "3", "--workers", "2"),
    "stall_profiles": ("--how", "stall", "--kills", "2", "--workers", "2", "--roles", "profiles"),
}
"""What strikes alone do; SIGKILLs of one worker each have `tests.faults.run --kills`."""
RESTARTS, RESTARTED = frozenset({"broker", "registry", "cassandra", "connect", "postgres"}), 3
"""These run fewer seeds, and for longer than their clients' time-outs."""
RESTART_S, FAULT_S = "40", "15"
RUN_S = 900


@dataclass(frozen=True)
class Run:
    """One of the series."""

    name: str
    seed: int
    arguments: tuple[str, ...] = field(repr=False)


def planned(names: Iterable[str], seeds: int, first: int) -> Iterator[Run]:
    """The runs, one seed of each before the second of any: a series that is ended early has seen everything."""
    seed = first
    for number in range(seeds):
        for name in names:
            if name not in RESTARTS or number < min(seeds, RESTARTED):
                yield Run(name, seed, (*WORLD, *arguments(name), "--seed", str(seed)))
                seed += 1


def arguments(name: str) -> tuple[str, ...]:
    """Of `tests.faults.run`, for this name."""
    if name in STRIKES:
        return STRIKES[name]
    return ("--fault", name, "--fault-s", RESTART_S if name in RESTARTS else FAULT_S)


def played(run: Run, folder: Path) -> dict[str, Any]:
    """Its line of JSON, with `name`, `seed` and `holds`; without the figures when it did not come so far. Its words are in the folder."""
    path = folder / f"{run.seed}.log"
    with path.open("wb") as out:
        command = [sys.executable, "-m", "tests.faults.run", *run.arguments]
        try:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=RUN_S, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
    found = re.findall(r"^\{.*\}$", path.read_text(errors="replace"), re.MULTILINE)
    line: dict[str, Any] = json.loads(found[-1]) if found else {}
    return {"name": run.name, "seed": run.seed, "holds": code == 0} | line


def results(runs: Iterable[Run], folder: Path, lanes: int) -> Iterator[dict[str, Any]]:
    """The line of each run as it ends. Interrupted, it begins no more of them."""
    pool = ThreadPoolExecutor(lanes)
    try:
        for done in as_completed([pool.submit(played, run, folder) for run in runs]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", choices=[[], *STRIKES, *FAULTS], metavar="NAME", help=f"default: all of {' '.join((*STRIKES, *FAULTS))}"
    )
    parser.add_argument("--seeds", type=int, default=10, help=f"of each; {RESTARTED} at most of parts that are restarted")
    parser.add_argument("--lanes", type=int, default=2, help="runs beside each other")
    parser.add_argument("--first", type=int, default=1, help="seed of the first run")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="carillon-series-"))
    runs = list(planned(given.names or [*STRIKES, *FAULTS], given.seeds, given.first))
    print(f"{len(runs)} runs, seeds {given.first} to {runs[-1].seed}; what they say: {folder}", flush=True)  # noqa: T201
    sums: Counter[str] = Counter()
    failed = []
    for line in results(runs, folder, given.lanes):
        print(json.dumps(line), flush=True)  # noqa: T201
        sums.update({key: value for key, value in line.items() if isinstance(value, int) and key not in ("seed", "holds")})
        if not line["holds"]:
            failed.append(line["seed"])
    print(json.dumps({"runs": len(runs), "held": len(runs) - len(failed), "failed": failed, **sums}))  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
