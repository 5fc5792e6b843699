"""What a provider says later, through the whole of the real stack: a signed webhook becomes a status, and an address is out of use."""

import asyncio
import json
import time

from ops.fleet.settings import FleetSettings
from projections.cassandra.reader import Reader
from schemas.refs import Ref
from tests.e2e.conftest import eventually
from tests.e2e.world import World
from tests.emulators.webhooks import sendgrid
from tests.integration.streams.test_feedback import answered


def test_a_bounce_is_a_status_and_ends_the_address(world: World, running: FleetSettings, stored: Reader, unique: str) -> None:
    world.person(unique)
    told = world.tell(unique, "transactional", "order_placed", channels=["email"])
    assert world.why(unique, told)["email"].startswith("sent by")
    (sent,) = [event for event in stored.events(told) if "sent" in event.tally]
    ref = Ref("email", "normal", sent.caused_by_partition, sent.caused_by_offset, 0, 0)
    bounced = {"email": f"{unique}@example.com", "event": "bounce", "type": "bounce", "timestamp": int(time.time()), "ref": str(ref)}
    body = json.dumps([bounced | {"sg_event_id": unique}]).encode()
    assert asyncio.run(answered(running.endpoints, running.endpoints.kafka, [sendgrid(body)])) == [200]
    eventually(lambda: any("bounced" in name for event in stored.events(told) for name in event.tally))
    assert world.counts(told) == {"email": {"sent": 1}}, "feedback is no end"
    again = world.tell(unique, "transactional", "order_placed", channels=["email"])
    assert world.why(unique, again) == {"email": "suppressed: address_suppressed"}
