"""One day in the shop: the play, those who watch it, and what they have counted when it is over."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import Consumer
from rich.console import Console

from ops.demo.facts import database_now, gathered
from ops.demo.heard import Heard
from ops.demo.options import Options
from ops.demo.play import Audience, Played
from ops.demo.player import Player
from ops.demo.sandbox import BEHAVIOUR, Sandbox, since
from ops.demo.script import script
from ops.demo.series import Pictured
from ops.demo.stores import Stores
from ops.demo.sums import Facts, expected_ids
from ops.demo.telling import pictured
from ops.demo.upstream.connector import NAME, outbox_connector
from ops.demo.upstream.shop import Shop
from ops.fleet.settings import FleetSettings
from ops.local.connectors import delete_connector, put_connector
from schemas.codec import Codec
from streams.intake.loader import load_triggers

AWAY_S = 2.0
"""How long the shop goes on without a connector."""


class Day:
    """Begins when it is made: whatever happens on the log from then on is heard."""

    def __init__(self, shop: Shop, log: Consumer, wire: Codec, sandbox: Sandbox, settings: FleetSettings, options: Options) -> None:
        self._endpoints, self._settings, self._options = settings.endpoints, settings, options
        self._sandbox, self._received = sandbox, sandbox.received()
        self.heard = Heard(log, wire)
        self.stores = Stores(self._endpoints.kafka, self.heard)
        acts = script(options.seconds, options.per_second, options.people)
        self.player = Player(shop, acts, f"Autumn bells {time.strftime('%H:%M')}", self._restart)
        self.start_s = time.time()
        self._since = database_now(self._endpoints.postgres)

    @property
    def start_ms(self) -> int:
        """When it began, epoch ms."""
        return round(self.start_s * 1000)

    @property
    def sale(self) -> str:
        """The notification of the flash sale; empty before it has begun."""
        happened = self.player.sale
        return next(iter(expected_ids({happened.event_id: "sale.started"}, load_triggers()))) if happened else ""

    def watch(self, console: Console) -> Played:
        """Play it, and return when all of it has come to an end."""
        self.stores.start()
        self.player.thread.start()
        try:
            audience = Audience(self.player, self.heard, self.stores, settings=self._settings, since=self._since)
            return audience.watch(console, self._options.seconds + self._options.timeout_s)
        finally:
            self.stores.stop()

    def facts(self, devices: Mapping[str, int]) -> Facts:
        """All figures, counted again in every place. `devices`: their number, by user."""
        return gathered(
            self._endpoints,
            self.heard,
            since=self._since,
            since_ms=self.start_ms,
            rolled_back=self.player.rolled_back,
            received=since(self._sandbox.received(), self._received),
            devices=devices,
            sale=self.sale,
        )

    def pictured(self) -> Pictured:
        """The data of the picture."""
        return pictured(self.heard, self.stores, self.player, self.sale, self.start_s)

    def _restart(self) -> None:
        """Take the connector away, let the shop go on without it, and bring it back."""
        delete_connector(NAME, connect=self._endpoints.connect)
        time.sleep(AWAY_S)
        put_connector(NAME, outbox_connector(self._endpoints.postgres), connect=self._endpoints.connect)


@contextmanager
def behaving(url: str) -> Iterator[Sandbox]:
    """The sandbox, behaving like a provider for the time of the block, and as before after it."""
    sandbox = Sandbox(url)
    try:
        before = sandbox.behave(BEHAVIOUR)
        yield sandbox
        sandbox.behave({channel: {} for channel in BEHAVIOUR} | before)
    finally:
        sandbox.close()
