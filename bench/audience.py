"""`python -m bench.audience [USERS]`: how fast audience expressions are expanded, in one process on one partition (125,000 users).

Twice for each expression: its users alone, as the index finds them; and with what the audience step does for each before it writes: it
reads the profile, decides for two channels by the whole policy (a third has quiet hours, some of them now), and counts, in a table of its
own. Users per second of CPU time: what else runs on the machine counts little. The bar is for
the whole, with expressions of three tags that a tenth of all users fit or more. Writes bench/results/audience.json; exit code 1: missed.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec

from bench.campaign.machine import machine, versions
from bench.campaign.run import flash_sale
from bench.system import UNCAPPED
from schemas.partition import partition_of
from schemas.records import Device, ExpandAudience, Profile, QuietHours
from schemas.topics import DAY_MS, DEFAULT_PARTITIONS
from streams.audience.agent import CHUNK
from streams.audience.counting import TABLE as CAPS
from streams.audience.counting import Counting
from streams.audience.expression import parse
from streams.audience.rules import Person, expand
from streams.audience.search import search
from streams.audience.told import Place
from streams.policy.loader import load_policy
from streams.profiles.index import ProfileIndex, begin_anew, index_changes
from streams.profiles.stored import PROFILE, pack, prefixes, unpack, user_keys
from streams.step.store import Store, TablePartition

RESULTS = Path(__file__).parent / "results" / "audience.json"
USERS = 125_000
BATCH = 5000
BAR = 60_000
TIMES = 3
NOW = 1_700_000_000_000
SHARES = {"most-1": 0.9, "most-2": 0.9, "most-3": 0.9, "half-1": 0.5, "half-2": 0.5, "some": 0.3, "few": 0.01}
EXPRESSIONS = (
    "all",
    "tag:half-1",
    "tag:most-1 and tag:most-2 and tag:most-3",
    "tag:half-1 and tag:half-2 and tag:some",
    "tag:half-1 or tag:half-2 or tag:some",
    "tag:half-1 and not (tag:half-2 and tag:some)",
    "not (tag:half-1 or tag:half-2 or tag:some)",
    "tag:half-1 and tag:half-2 and tag:few",
)
NIGHT = QuietHours(1380, 420)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Los_Angeles")
"""At NOW it is 22:13, 23:13, 17:13 and 14:13."""
Decide = Callable[[list[str]], None]


def main() -> int:
    """Fill a store, search it, print and write what was found."""
    users = int(sys.argv[1]) if len(sys.argv) > 1 else USERS
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "profiles")
        part = store.partition("profiles", 0)
        fill(part, users)
        rows = [row(part, store.partition(CAPS, 0), text) for text in EXPRESSIONS]
        store.close()
    RESULTS.write_text(
        json.dumps({"users": users, "chunk": CHUNK, "rows": rows, "machine": machine(), "versions": versions()}, indent=1) + "\n"
    )
    for one in rows:
        sys.stdout.write(
            f"{one['expression']:<48} {one['users']:>8,} users {one['found_s']:>10,} /s found {one['decided_s']:>9,} /s decided\n"
        )
    slow = [one for one in rows if one["expression"].count("tag:") == 3 and one["users"] >= users / 10 and one["decided_s"] < BAR]
    sys.stdout.writelines(f"bar missed: {one['expression']}: {one['decided_s']:,}, the bar is {BAR:,}\n" for one in slow)
    return 1 if slow else 0


def fill(part: TablePartition, users: int) -> None:
    """Write profiles and index as a replica does."""
    begin_anew(part)
    people = _people(users)
    while some := list(islice(people, BATCH)):
        keys = user_keys([profile.user_id for profile in some])
        changes = index_changes(part, keys, [set()] * len(keys), [prefixes(profile) for profile in some])
        profiles = [(PROFILE + key, pack(msgspec.structs.asdict(profile), 1)) for key, profile in zip(keys, some, strict=True)]
        part.write([*profiles, *changes], 1)


def row(part: TablePartition, caps: TablePartition, text: str) -> dict[str, Any]:
    """Users, and the best of three for users per CPU second, found only and decided too."""
    found = [_timed(part, text, lambda users: None) for _ in range(TIMES)]
    decided = [_timed(part, text, _decider(part, caps)) for _ in range(TIMES)]
    number = found[0][0]
    return {
        "expression": text,
        "users": number,
        "found_s": round(number / min(seconds for _, seconds in found)),
        "decided_s": round(number / min(seconds for _, seconds in decided)),
    }


def _timed(part: TablePartition, text: str, decide: Decide) -> tuple[int, float]:
    wanted = parse(text)
    assert wanted is not None
    began, number = time.process_time(), 0
    cursor: str | None = ""
    while cursor is not None:
        users, cursor = search(wanted, (), ProfileIndex(part), cursor, CHUNK)
        decide(users)
        number += len(users)
    return number, time.process_time() - began


def _decider(part: TablePartition, caps: TablePartition) -> Decide:
    policy, notification = load_policy(UNCAPPED), flash_sale("bench", 1, NOW).notification
    about = msgspec.structs.replace(notification, channels=["push", "in_app"], expires_at=NOW + DAY_MS)
    command, place = ExpandAudience(notification=about, expression="all", partitions=1), Place("bench", 0, 0, NOW)

    def decide(users: list[str]) -> None:
        known = map(unpack, part.get_many([PROFILE + key for key in user_keys(users)]))
        people = [Person(user, profile, offset) for user, (profile, offset) in zip(users, known, strict=True)]
        counting = Counting(caps.get_many, users, NOW)
        expand(command, people, None, policy, place, counters=counting.of)
        caps.write([(write.key, write.value) for write in counting.writes()], 1)

    return decide


def _people(users: int) -> Iterator[Profile]:
    """Those of one of eight partitions, as there are: its buckets have eight times as many users as if it had all of them."""
    chance, names = random.Random(1), (f"bench-{number:08d}" for number in count())
    for number, name in enumerate(islice((name for name in names if partition_of(name, DEFAULT_PARTITIONS) == 0), users)):
        yield Profile(
            user_id=name,
            channels=["push", "email", "in_app"],
            email=f"{name}@example.com",
            devices=[Device("ios" if number % 3 else "android", f"token-{number:08d}")],
            quiet_hours=NIGHT if number % 3 == 0 else None,
            time_zone=ZONES[number % len(ZONES)],
            tags=[tag for tag, share in SHARES.items() if chance.random() < share],
            updated_at=NOW,
            applied_offset=number,
        )


if __name__ == "__main__":
    sys.exit(main())
