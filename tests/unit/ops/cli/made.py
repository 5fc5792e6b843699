"""Records for the tests of this folder."""

from schemas.records import AudienceExpanded, DeliverBatch, Notification, Outcome, Priority, StatusBatch

NOTIFICATION_ID = "11111111-2222-5333-8444-555555555555"


def notification(**changes: object) -> Notification:
    fields: dict[str, object] = {
        "notification_id": NOTIFICATION_ID,
        "event_type": "direct",
        "source": "api:cli",
        "campaign": "",
        "template_id": "order_placed",
        "template_version": 1,
        "category": "transactional",
        "priority": Priority.NORMAL,
        "channels": ["push", "email"],
        "data": {"order_id": "1"},
        "occurred_at": 1_000_000,
        "accepted_at": 1_000_100,
    }
    return Notification(**fields | changes)  # type: ignore[arg-type]


def expanded(
    partition: int = 0,
    chunk: int = 0,
    *,
    partitions: int = 1,
    last: bool = True,
    users: int = 2,
    hold_id: str = "",
    tried: str = "",
    **counts: dict[str, int],
) -> AudienceExpanded:
    queued, suppressed, deferred = counts.get("queued", {"push": users}), counts.get("suppressed", {}), counts.get("deferred", {})
    return AudienceExpanded(
        NOTIFICATION_ID, partition, chunk, partitions, last, users, queued, suppressed, 1_000_200, 7, hold_id, deferred, tried
    )


def status(
    users: list[str], *outcomes: Outcome, of: list[int] | None = None, status_id: str = "s1", channel: str = "push", **more: object
) -> StatusBatch:
    fields: dict[str, object] = {
        "status_id": status_id,
        "notification": notification(),
        "channel": channel,
        "users": users,
        "outcomes": list(outcomes) or [Outcome("sent")],
        "outcome_of": of or [0] * len(users),
        "profile_offsets": [5] * len(users),
        "at": 1_000_400,
        "caused_by_topic": "notify.deliver.push.normal",
        "caused_by_partition": 0,
        "caused_by_offset": 3,
    }
    return StatusBatch(**fields | more)  # type: ignore[arg-type]


def batch(users: list[str], channel: str = "push") -> DeliverBatch:
    return DeliverBatch("b1", notification(), channel, users, [5] * len(users), "policy1", 1_000_200, 7)
