"""Which messages go into one request: as many as it may carry, that share what its provider wants shared. Pure."""

from collections.abc import Callable, Hashable, Sequence

from providers.base import AnyProvider, Message, Sharing


def slices_of(provider: AnyProvider, messages: Sequence[Message], size: int | None = None) -> list[list[int]]:
    """Return the indexes of the messages of each request, each message in one.

    A request has at most `size` messages (None: `batch_size`), of one `shared` key, and each address once where the provider wants that.
    """
    size = size or provider.declaration.batch_size
    distinct = provider.declaration.distinct_addresses
    if size == 1:
        return [[index] for index in range(len(messages))]
    if not distinct and not isinstance(provider, Sharing):
        return [list(range(start, min(start + size, len(messages)))) for start in range(0, len(messages), size)]
    key = provider.shared if isinstance(provider, Sharing) else _all_alike
    return _grouped(messages, key, size, distinct)


def _grouped(messages: Sequence[Message], key: Callable[[Message], Hashable], size: int, distinct: bool) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    seen: dict[tuple[Hashable, str], int] = {}
    for index, message in enumerate(messages):
        group = key(message)
        if distinct:  # the second of an address goes with the second ones, and so on
            address = message.address.casefold()
            times = seen[group, address] = seen.get((group, address), -1) + 1
            group = (group, times)
        groups.setdefault(group, []).append(index)
    return [indexes[start : start + size] for indexes in groups.values() for start in range(0, len(indexes), size)]


def _all_alike(message: Message) -> Hashable:
    return None
