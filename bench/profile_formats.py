"""`python -m bench.profile_formats`: what a profile costs, in ns of CPU: to decode from the log, to pack for a table, to read there.

At a cold start each of the million is copied once, and each recipient is read once. The best of many: what else runs counts little.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import msgspec

from schemas import contract
from schemas.codec import Codec
from schemas.provision import subjects
from schemas.records import Device, Profile
from schemas.registry import MemoryRegistry
from schemas.topics import catalogue
from streams.profiles.stored import pack, unpack

NOW = 1_700_000_000_000
TIMES, LOOPS = 40, 2000
PLAIN = Profile(
    user_id="bench-00000042",
    channels=["push", "email", "in_app"],
    email="bench-00000042@example.com",
    devices=[Device("ios", "token-00000042")],
    language="de",
    tags=["bench-1000000", "group-0", "group-9"],
    updated_at=NOW,
    applied_offset=883,
    source_positions={"bench": NOW},
)
BUSY = msgspec.structs.replace(
    PLAIN,
    source_positions={"cdc:users": 2 * NOW, "api": NOW, "api#": -1}
    | {f"api#{name}": NOW for name in ("channels", "language", "devices:0f")},
)
"""Of one who changed things by the API."""


def main() -> int:
    """Print each; the exit code is 0."""
    codec = _codec()
    for name, profile in (("plain", PLAIN), ("busy", BUSY)):
        value = codec.encode(profile)
        fields = codec.fields(value, Profile)
        row = pack(fields, 883)
        found = {
            "decoded": best_ns(partial(codec.fields, value, Profile)),
            "packed": best_ns(partial(pack, fields, 883)),
            "read": best_ns(partial(unpack, row)),
        }
        sys.stdout.write(
            f"{name}: {', '.join(f'{what} {ns:,.0f} ns' for what, ns in found.items())}; {len(value)} bytes, {len(row)} kept\n"
        )
    return 0


def best_ns(work: Callable[[], object]) -> float:
    """The least CPU time that it took, in ns."""
    taken = []
    for _ in range(TIMES):
        began = time.process_time_ns()
        for _ in range(LOOPS):
            work()
        taken.append((time.process_time_ns() - began) / LOOPS)
    return min(taken)


def _codec() -> Codec:
    registry, of = MemoryRegistry(), subjects(catalogue())
    for kind, subject in of.items():
        registry.register(subject, contract.schema_json(kind.__name__))
    made = Codec(registry, of)
    made.warm()
    return made


if __name__ == "__main__":
    sys.exit(main())
