"""A notification goes out if and only if the upstream transaction committed."""

import threading
from collections.abc import Iterator

import pytest

from ops.cli.logtail import consumer
from ops.demo.facts import outbox
from ops.demo.heard import Heard
from ops.demo.sums import expected_ids
from ops.demo.upstream.connector import NAME, outbox_connector
from ops.demo.upstream.shop import RolledBack, Shop
from ops.endpoints import Endpoints
from ops.fleet.provision import registry
from ops.fleet.settings import FleetSettings
from ops.local.connectors import connector_status, delete_connector, put_connector, restart_connector
from schemas.codec import Codec
from streams.intake.loader import load_triggers
from tests.e2e.conftest import eventually

ORDERS = 1000
EVERY_SEVENTH = 7


@pytest.fixture
def shop(running: FleetSettings) -> Iterator[Shop]:
    with registry(running.endpoints) as schemas:
        made = Shop(running.endpoints.postgres, schemas)
        yield made
        made.close()


@pytest.fixture
def connector(running: FleetSettings, shop: Shop) -> Iterator[Endpoints]:
    """The demo's connector, left as it was found; the shop comes first, for it makes the publication."""
    endpoints = running.endpoints
    there = connector_status(NAME, connect=endpoints.connect) is not None
    put_connector(NAME, outbox_connector(endpoints.postgres), connect=endpoints.connect)
    yield endpoints
    if not there:
        delete_connector(NAME, connect=endpoints.connect)


@pytest.fixture
def heard(connector: Endpoints, wire: Codec) -> Iterator[Heard]:
    """Everything on the log from now on."""
    with consumer(connector.kafka) as reader:
        yield Heard(reader, wire)


def place(shop: Shop, who: str, orders: range) -> tuple[list[str], list[str]]:
    """Place orders, every seventh rolled back; returns the event ids of both kinds."""
    committed, undone = [], []
    for number in orders:
        try:
            happened = shop.place_order(f"{who}-{number}", "Ann", number, rollback=number % EVERY_SEVENTH == 0)
            committed.append(happened.event_id)
        except RolledBack as back:
            undone.append(back.event_id)
    return committed, undone


@pytest.mark.parametrize("away", ["restarted", "deleted and made again"])
def test_exactly_the_committed_rows_become_notifications(shop: Shop, connector: Endpoints, heard: Heard, unique: str, away: str) -> None:
    before, undone_before = place(shop, unique, range(ORDERS // 2))
    outage = threading.Thread(target=interrupt, args=(connector, away))
    outage.start()
    after, undone_after = place(shop, unique, range(ORDERS // 2, ORDERS))
    outage.join()
    rows = outbox(connector.postgres)
    committed = {event_id: rows[event_id][0] for event_id in (*before, *after)}
    undone = {*undone_before, *undone_after}
    assert len(committed) + len(undone) == ORDERS
    assert undone.isdisjoint(rows)

    expected = expected_ids(committed, load_triggers())
    eventually(lambda: listened(heard, list(expected)))

    mine = {nid: one for nid, one in heard.requested.items() if one.idempotency_key in committed or one.idempotency_key in undone}
    assert mine.keys() == expected.keys()  # 0 missing, 0 extra
    assert expected.keys() <= heard.planned
    assert all(heard.tallies[nid].users == 1 for nid in expected)
    assert [one for one in heard.dead if one.topic == "events.order"] == []


def interrupt(endpoints: Endpoints, how: str) -> None:
    """Take the connector away while orders are placed, and bring it back."""
    if how == "restarted":
        restart_connector(NAME, connect=endpoints.connect)
    else:
        delete_connector(NAME, connect=endpoints.connect)
        put_connector(NAME, outbox_connector(endpoints.postgres), connect=endpoints.connect)


def listened(heard: Heard, expected: list[str]) -> bool:
    heard.listen(0.2)
    return all(heard.complete(notification) for notification in expected)
