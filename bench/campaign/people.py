"""The people of the benchmark: made by number, so that any process can say who is told what. Pure."""

from collections.abc import Iterator

from schemas.partition import partition_of
from schemas.records import Device, ProfileChanged, ProfilesChanged

PER_RECORD = 500


def user(number: int) -> str:
    """The id of user `number`."""
    return f"bench-{number:08d}"


def tag(users: int) -> str:
    """The tag of the first `users` users."""
    return f"bench-{users}"


def change(number: int, sizes: tuple[int, ...], now: int) -> ProfileChanged:
    """User `number`; of a hundred, five have no device, three have switched push off, two have muted promotions."""
    kind = number % 100
    return ProfileChanged(
        user_id=user(number),
        source="bench",
        source_position=now,
        occurred_at=now,
        channels=["email", "in_app"] if kind in (10, 40, 70) else ["push", "email", "in_app"],
        muted_categories=["promotional"] if kind in (20, 60) else [],
        email=f"{user(number)}@example.com",
        devices=[] if kind % 20 == 5 else [Device("ios", f"token-{number:08d}")],
        language="de" if kind % 3 == 0 else "en",
        whole=True,
        tags=[tag(size) for size in sizes if number < size] + [f"group-{number % 7}", f"group-{number % 11}"],
    )


def batches(users: int, sizes: tuple[int, ...], partitions: int, now: int) -> Iterator[tuple[int, ProfilesChanged]]:
    """(partition, record) for everybody, 500 users a record at most."""
    waiting: list[list[ProfileChanged]] = [[] for _ in range(partitions)]
    for number in range(users):
        partition = partition_of(user(number), partitions)
        waiting[partition].append(change(number, sizes, now))
        if len(waiting[partition]) == PER_RECORD:
            yield partition, ProfilesChanged(waiting[partition])
            waiting[partition] = []
    for partition, rest in enumerate(waiting):
        if rest:
            yield partition, ProfilesChanged(rest)
