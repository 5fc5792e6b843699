"""Asks providers what became of those whose outcome is unknown, and writes what they say as the gateway would.

Killed between any two effects: what was written is known by its `event_id`, and whoever was not asked is still listed.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from gateway.asking import Asker
from gateway.config import Polling
from gateway.errors import Unfetchable
from gateway.pages import HttpPages
from gateway.records import Encode, outputs_of
from ops.cli.doubts import Doubt
from ops.cli.producing import LogProducer
from providers.feedback.polled import PageRefused
from providers.feedback.registry import Feeds, Inquiries
from schemas.clock import now_ms

FOUND, NOT_FOUND, NO_ANSWER = "accepted", "not found", "no answer"
BY_FEED, NOBODY = "told by its feed", "can't be asked"


class Answered(msgspec.Struct, frozen=True):
    """What became of one doubt. `said`: one of the above, or of the provider's trouble after NO_ANSWER."""

    ref: str
    provider: str
    said: str


class Poll:
    """`inquiries`, `feeds`: by the names of providers."""

    def __init__(
        self, inquiries: Inquiries, feeds: Feeds, settings: Polling, producer: LogProducer, encode: Encode, partitions: int
    ) -> None:
        self._inquiries, self._feeds, self._settings = inquiries, feeds, settings
        self._producer, self._encode, self._partitions = producer, encode, partitions

    async def ask(self, doubts: Sequence[Doubt]) -> list[Answered]:
        """What each provider says of its own; one that does not answer is not asked for its others."""
        pages = HttpPages(timeout_s=self._settings.timeout_s, limit=self._settings.page_bytes)
        asker, silent, answered = Asker(pages, now_ms, asyncio.sleep), dict[str, str](), list[Answered]()
        try:
            for doubt in doubts:
                said = silent.get(doubt.provider) or await self._one(asker, doubt)
                if said.startswith(NO_ANSWER):
                    silent[doubt.provider] = said
                answered.append(Answered(doubt.ref, doubt.provider, said))
        finally:
            await pages.aclose()
        return answered

    async def _one(self, asker: Asker, doubt: Doubt) -> str:
        inquiry = self._inquiries.get(doubt.provider)
        if inquiry is None:
            return BY_FEED if doubt.provider in self._feeds else NOBODY
        try:
            heard = await asker.ask(inquiry, doubt.ref)
        except (PageRefused, Unfetchable) as error:
            return f"{NO_ANSWER}: {error}"
        if heard is None:
            return NOT_FOUND
        for output in outputs_of([heard], doubt.channel, now_ms(), self._partitions, self._encode):
            assert output.partition is not None
            self._producer.send(output.topic, output.key, output.value or b"", partition=output.partition)
        return FOUND
