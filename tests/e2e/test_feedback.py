"""What a provider says later, through the whole of the real stack: a signed webhook becomes a status, and an address is out of use;
so does a STOP that names nothing but a number."""

import asyncio
import json
import time
import uuid

from ops.fleet.settings import FleetSettings
from projections.cassandra.reader import Reader
from providers.feedback.base import Request
from schemas.refs import Ref
from tests.e2e.conftest import eventually
from tests.e2e.world import World
from tests.emulators.webhooks import URL, sendgrid, twilio
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


def by_sms(number: str, text: str) -> Request:
    """What Twilio sends when somebody writes to us."""
    sid = f"SM{uuid.uuid4().hex}"
    form = {"AccountSid": f"AC{uuid.uuid4().hex}", "ApiVersion": "2010-04-01", "Body": text, "From": number, "MessageSid": sid}
    form |= {"NumMedia": "0", "NumSegments": "1", "SmsSid": sid, "SmsStatus": "received", "To": "+15550001111"}
    return twilio(json.dumps(form).encode(), url=f"{URL}twilio")


def test_who_writes_stop_gets_no_more_until_they_write_start(world: World, running: FleetSettings, unique: str) -> None:
    number = f"+1555{uuid.uuid4().int % 10**8:08}"
    world.person(unique, channels=["sms", "in_app"], phone=number, phone_verified=True)

    def write(text: str, suppressed: dict[str, str]) -> None:
        request = by_sms(number, text)
        assert asyncio.run(answered(running.endpoints, running.endpoints.kafka, [request], provider="twilio")) == [200]
        eventually(lambda: world.suppressed(unique) == suppressed)

    def told() -> str:
        return world.why(unique, world.tell(unique, "transactional", "login_code", channels=["sms"], data={"code": "1"}))["sms"]

    assert told().startswith("sent by")
    write("Stop", {number: "stop"})
    assert told() == "suppressed: address_suppressed"
    write("START", {})
    assert told().startswith("sent by")
