"""python -m bench.users_file --users 1000000: memory and time it takes to make requests of a file of users. Needs no service.

Everything `carillon campaign --users-file` does but to write to Kafka.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from dataclasses import replace

from ops.cli.asking import Asked, request_of
from ops.cli.listing import listed
from ops.cli.requesting import parts_of
from providers.catalogue import Templates
from schemas import contract
from schemas.codec import Codec
from schemas.records import NotificationRequested
from schemas.registry import MemoryRegistry
from streams.policy.loader import load_policy


def main() -> None:
    """One line of JSON: bytes are of all records, memory is the process's, before the file was read and at its peak."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--data", action="store_true", help="each line has data of its own")
    options = parser.parse_args()
    users = options.users
    registry = MemoryRegistry()
    registry.register("requests", contract.schema_json("NotificationRequested"))
    wire = Codec(registry, {NotificationRequested: "requests"})
    templates, policy = Templates.load(), load_policy()
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        _write(file.name, users, data=options.data)
        before, began, sizes = _memory(), time.monotonic(), []
        with listed(file.name, lambda own: None) as listing:
            parts = listing.parts()
            first = next(parts)
            asked = Asked("campaign", "flash_sale", "promotional", "low", first.users, data={"sale": "x", "percent": "1"}, own=first.data)
            asked = replace(asked, users_in_all=users)
            for request in parts_of(request_of(asked, "bench", 0, templates, policy), parts):
                sizes.append(len(wire.encode(request)))
    took = round(time.monotonic() - began, 1)
    said = {"users": users, "parts": len(sizes), "bytes": sum(sizes), "largest": max(sizes), "seconds": took}
    sys.stdout.write(json.dumps({**said, "before_mib": before, "peak_mib": _memory()}) + "\n")


def _write(path: str, users: int, *, data: bool) -> None:
    """Names in no order, as a database gives them."""
    rng = random.Random(1)
    with open(path, "w") as file:
        for number in range(users):
            user = f"{rng.getrandbits(64):016x}-{number}"
            file.write((json.dumps({"user": user, "data": {"percent": str(number % 90)}}) if data else user) + "\n")


def _memory() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    main()
