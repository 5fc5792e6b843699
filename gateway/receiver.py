"""Takes one webhook: verifies it, writes what it says, and answers.

Killed between any two of its effects: what is on the log was not answered, so the provider sends it again, and it is there twice with one
`event_id`; a subscription that was confirmed is confirmed again.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from gateway.certificates import Certificates, Fetcher
from gateway.errors import Unfetchable, Unwritable
from gateway.metrics import Metrics
from gateway.problems import problem, refusal
from gateway.records import Encode, outputs_of
from providers.feedback.base import AnyParser, CertifiedParser, Challenge, Confirm, Reading, Request
from providers.feedback.errors import BadCertificate, FeedbackRefused, Replayed
from providers.feedback.seen import Seen
from schemas.errors import SchemaError
from schemas.records import Output

log = logging.getLogger(__name__)


class Log(Protocol):
    """Where records go."""

    async def send(self, outputs: Sequence[Output]) -> object:
        """Return when all are durable. Raises Unwritable."""


class Receiver:
    """Verifies and writes; knows nothing of sockets."""

    def __init__(
        self,
        parsers: Mapping[str, AnyParser],
        log: Log,
        encode: Encode,
        fetcher: Fetcher,
        clock: Callable[[], int],
        *,
        partitions: int,
        metrics: Metrics,
    ) -> None:
        """`clock`: epoch ms. `encode`: a record in wire format; raises SchemaError. `partitions`: of `notify.feedback`."""
        self.parsers = parsers
        self._log, self._encode, self._fetcher, self._clock = log, encode, fetcher, clock
        self._partitions, self._metrics = partitions, metrics
        self._certificates = Certificates(fetcher, clock)
        self._seen = Seen(1000 * (600 + max((parser.tolerance_s for parser in parsers.values()), default=0)))
        self._under_way: dict[tuple[str, str], bytes] = {}

    async def take(self, name: str, request: Request) -> web.Response:
        """Return the answer to a webhook of the provider `name`."""
        parser, now = self.parsers[name], self._clock()
        try:
            reading = await self._read(parser, request, now)
            if self._seen.look(name, reading, now) == "repeated":
                self._metrics.repeated.labels(name).inc()
            else:
                await self._write(name, parser, reading, now)
            return await self._answer(reading)
        except FeedbackRefused as error:
            self._metrics.refused.labels(name, error.code).inc()
            log.warning("%s: refused, %s: %s", name, error.code, error)
            return refusal(error)
        except (Unwritable, Unfetchable, SchemaError) as error:
            self._metrics.turned_away.labels(type(error).__name__).inc()
            log.warning("%s: %s: %s", name, type(error).__name__, error)
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_now", "this can't be taken now; send it again")

    async def _read(self, parser: AnyParser, request: Request, now: int) -> Reading:
        if not isinstance(parser, CertifiedParser):
            return parser.parse(request, now)
        url = parser.certificate_url(request)
        certificate = await self._certificates.get(url)
        try:
            return parser.parse(request, now, certificate)
        except BadCertificate:
            self._certificates.forget(url)
            raise

    async def _write(self, name: str, parser: AnyParser, reading: Reading, now: int) -> None:
        """Write what is new, and remember it when it is durable. Of one id that comes twice at once only the same content is taken."""
        signed = (name, reading.signed_id)
        if self._under_way.setdefault(signed, reading.content) != reading.content:
            raise Replayed("what was signed once is here at the same time, with other content")
        try:
            outputs = outputs_of(reading.heard, parser.channel, now, self._partitions, self._encode)
            if outputs:
                await self._log.send(outputs)
            self._seen.put(name, reading, now)
        finally:
            self._under_way.pop(signed, None)
        for heard in reading.heard:
            self._metrics.hear(name, heard.kind)

    async def _answer(self, reading: Reading) -> web.Response:
        """200: Mailgun takes nothing else for an answer. Without a body: Twilio would send it to whoever wrote to us."""
        if isinstance(reading.answer, Confirm):
            await self._fetcher.get(reading.answer.url)
            log.info("confirmed a subscription")
        text = reading.answer.text if isinstance(reading.answer, Challenge) else ""
        return web.Response(text=text, content_type="text/plain")
