"""The in-app inbox: nothing leaves. The status event the caller writes is the delivery; the projection shows it."""

from collections.abc import Sequence

from providers.base import Accepted, Declaration, Message, Outcome
from providers.features import FEATURES


class Inbox:
    """Accepts every message under its own id."""

    def __init__(self, channel: str = "in_app", *, name: str = "inbox", batch_size: int = 10_000) -> None:
        self.declaration = Declaration(name=name, channel=channel, carries=FEATURES, batch_size=batch_size, repeatable=True)

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return Accepted for each."""
        return [Accepted(message.message_id) for message in messages]
