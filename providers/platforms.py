"""Push by platform: each message goes to the provider of its device's platform, which keeps its own limits, time-outs and name.

To who shares a channel's messages out it is one provider: its name is what ledgers and statuses say, and one intent is for all devices of
a user. Killed between the requests of its parts: what is unknown is what its one intent covers, as with a provider of single messages.
"""

from collections.abc import Mapping

from providers.base import Declaration, Message, OneProvider
from providers.errors import DeclarationError


class Platforms:
    """A provider that is made of others. Raises DeclarationError for a part that does not reach its platform."""

    def __init__(self, channel: str, parts: Mapping[str, OneProvider], *, name: str = "platforms") -> None:
        """`parts`: by platform, as devices have it."""
        for platform, part in parts.items():
            reached = part.declaration.platforms
            if reached and platform not in reached:
                raise DeclarationError(f"{part.declaration.name} reaches {', '.join(sorted(reached))}, not {platform}")
        self.parts: Mapping[str, OneProvider] = dict(parts)
        self.declaration = _declaration(name, channel, parts)

    def part_of(self, message: Message) -> OneProvider | None:
        """Return who sends the message; None: nobody serves its platform."""
        return self.parts.get(message.platform)


def _declaration(name: str, channel: str, parts: Mapping[str, OneProvider]) -> Declaration:
    """What holds whichever part is asked: as many messages under an intent as the one with the smallest requests takes, as many requests in
    flight as all together have, and the longest waits. Rates are the parts' own.
    """
    told = [part.declaration for part in parts.values()]
    if not told:
        raise DeclarationError(f"{name}: no platform")
    return Declaration(
        name=name,
        channel=channel,
        carries=frozenset().union(*(one.carries for one in told)),
        platforms=frozenset(parts),
        batch_size=min(one.batch_size for one in told),
        concurrency=sum(one.concurrency for one in told),
        timeout_ms=max(one.timeout_ms for one in told),
        connect_timeout_ms=max(one.connect_timeout_ms for one in told),
        slow_ms=max(one.slow_ms for one in told),
        feedback=told[0].feedback if len({one.feedback for one in told}) == 1 else "webhook",
        repeatable=all(one.repeatable for one in told),
    )
