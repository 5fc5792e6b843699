"""Status batches at random, but the same for the same seed."""

import random
from collections.abc import Sequence

from schemas.records import Notification, Outcome, StatusBatch
from tests.unit.projections.made import notification, status_batch

USERS = tuple(f"user-{i:03d}" for i in range(60))
STATUSES = ("queued", "sent", "sent", "delivered", "opened", "failed", "suppressed", "unknown", "seen_by_owl")


def batches(seed: int, now: int, count: int = 25, users: Sequence[str] = USERS) -> list[StatusBatch]:
    """Batches of one to all users, of three notifications and three channels, with mixed outcomes and close times."""
    dice = random.Random(seed)
    told = [_notification(i, now) for i in range(3)]
    return [_batch(dice, f"{seed}-{i}", told, now, users) for i in range(count)]


def _notification(i: int, now: int) -> Notification:
    accepted_at = now - 60_000 - i * 1000
    return notification(f"n-{i}", accepted_at=accepted_at, occurred_at=accepted_at, campaign="spring" if i else "")


def _batch(dice: random.Random, name: str, told: Sequence[Notification], now: int, users: Sequence[str]) -> StatusBatch:
    some = dice.sample(users, dice.choice([1, 2, 5, len(users)]))
    reasons = ["", "quiet_hours", "no_address"]
    outcomes = [Outcome(dice.choice(STATUSES), dice.choice(reasons), dice.choice(["", "busy"])) for _ in range(dice.randint(1, 3))]
    return status_batch(
        some,
        status_id=f"s-{name}",
        batch_id=f"b-{name}",
        notification=dice.choice(told),
        channel=dice.choice(["push", "email", "in_app"]),
        provider=dice.choice(["", "fcm", "apns"]),
        attempt=dice.randint(0, 2),
        outcomes=outcomes,
        outcome_of=[dice.randrange(len(outcomes)) for _ in some],
        provider_message_ids=dice.choice([[], [f"m-{user}" for user in some]]),
        profile_offsets=[dice.randint(-1, 99) for _ in some],
        at=now - dice.randint(0, 3000),
    )
