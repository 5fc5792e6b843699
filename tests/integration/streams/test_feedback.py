"""A webhook through the gateway onto a real log: it is there, where its ref says, before it is answered; and Kafka may be away."""

import asyncio
import time
import uuid
from collections.abc import Callable

import aiohttp
from confluent_kafka import Consumer, TopicPartition

from gateway.config import Config, config_of
from gateway.serving import serve
from ops.cli.context import codec
from ops.cli.gateway import KafkaLog, cursors_on_the_log
from ops.endpoints import Endpoints
from providers.feedback.base import Request
from schemas.clients import consumer_config, producer_config
from schemas.records import FeedbackReceived, FeedbacksReceived
from schemas.topics import DEFAULT_PARTITIONS, FEEDBACK
from streams.step.log import LogWriter
from tests.emulators.mailgun import DOMAIN, KEY
from tests.emulators.mailgun_events import MailgunEventsEmulator, event
from tests.emulators.webhooks import sendgrid, sendgrid_public

PARTITION = 5
CLOSED_PORT = "127.0.0.1:1"
TOLD = {
    "public_url": "https://notify.example",
    "port": 0,
    "feedback": {
        "sendgrid": {"options": {"verification_key": sendgrid_public(), "tolerance_s": 2_000_000_000}},
        "twilio": {"options": {"auth_token": "12345"}},
    },
}


def webhook(ref: str) -> Request:
    return sendgrid(b'[{"email": "ann@example.com", "event": "bounce", "ref": "%s", "sg_event_id": "e-1"}]' % ref.encode())


async def answered(
    endpoints: Endpoints, bootstrap: str, requests: list[Request], within_s: float = 8.0, provider: str = "sendgrid"
) -> list[int]:
    """The statuses of requests of a provider, one after the other, to a gateway that writes to `bootstrap`."""
    ports = asyncio.get_running_loop().create_future()
    with codec(endpoints) as wire:
        writer = LogWriter(producer_config(bootstrap, within_s))
        serving = asyncio.create_task(serve(config_of(TOLD, {}), KafkaLog(writer), wire.encode, DEFAULT_PARTITIONS, ports.set_result))
        (port,) = await asyncio.wait_for(ports, 10)
        statuses = []
        async with aiohttp.ClientSession() as session:
            for request in requests:
                url = f"http://127.0.0.1:{port}/v1/feedback/{provider}"
                async with session.post(url, data=request.body, headers=dict(request.headers)) as response:
                    statuses.append(response.status)
        serving.cancel()
        await asyncio.wait({serving})
        await asyncio.to_thread(writer.close)
    return statuses


def end(endpoints: Endpoints) -> int:
    consumer = Consumer(dict(consumer_config(endpoints.kafka, "test")))
    _, high = consumer.get_watermark_offsets(TopicPartition(FEEDBACK, PARTITION), timeout=10)
    consumer.close()
    return int(high)


def events_at(endpoints: Endpoints, offset: int) -> list[FeedbackReceived]:
    return value_at(endpoints, offset)[1]


def record_at(endpoints: Endpoints, offset: int) -> tuple[bytes | None, FeedbackReceived]:
    key, events = value_at(endpoints, offset)
    return key, events[0]


def value_at(endpoints: Endpoints, offset: int) -> tuple[bytes | None, list[FeedbackReceived]]:
    consumer = Consumer(dict(consumer_config(endpoints.kafka, "test")))
    consumer.assign([TopicPartition(FEEDBACK, PARTITION, offset)])
    message = consumer.poll(10)
    consumer.close()
    assert message is not None
    assert message.error() is None
    with codec(endpoints) as wire:
        return message.key(), wire.decode(message.value(), FeedbacksReceived).events


async def test_what_was_answered_is_on_the_log_where_its_ref_says(own: Endpoints) -> None:
    ref = f"email-normal-{PARTITION}-{uuid.uuid4().int % 10**9}-0-0"
    before = await asyncio.to_thread(end, own)
    request = webhook(ref)
    assert await answered(own, own.kafka, [request, request]) == [200, 200]
    assert await asyncio.to_thread(end, own) == before + 1
    key, record = await asyncio.to_thread(record_at, own, before)
    assert (key, record.kind, record.ref, record.address, record.event_id) == (ref.encode(), "bounced", ref, "ann@example.com", "e-1")


async def test_without_kafka_the_provider_is_told_to_come_again(own: Endpoints) -> None:
    assert await answered(own, CLOSED_PORT, [webhook(f"{PARTITION}.{uuid.uuid4()}")], within_s=2.0) == [503]


async def fetched(endpoints: Endpoints, config: Config, done: Callable[[], bool]) -> None:
    """Let a gateway fetch, from where the log says, until `done`."""
    ports = asyncio.get_running_loop().create_future()
    cursors = await asyncio.to_thread(cursors_on_the_log, endpoints)
    with codec(endpoints) as wire:
        writer = LogWriter(producer_config(endpoints.kafka, 8.0))
        serving = asyncio.create_task(serve(config, KafkaLog(writer), wire.encode, DEFAULT_PARTITIONS, ports.set_result, cursors))
        async with asyncio.timeout(30):
            await ports
            while not done():
                await asyncio.sleep(0.01)
        serving.cancel()
        await asyncio.wait({serving})
        await asyncio.to_thread(writer.close)


async def test_what_is_fetched_is_on_the_log_and_so_is_how_far(own: Endpoints) -> None:
    mailgun, name, base = await MailgunEventsEmulator().start(), f"mailgun-{uuid.uuid4().hex}", uuid.uuid4().int % 10**9
    options = {"api_key": KEY, "domain": DOMAIN, "base_url": mailgun.base_url, "limit": 2}
    told = TOLD | {"polled": {name: {"kind": "mailgun", "options": options}}, "polling": {"page_s": 0, "every_s": 0.05}}
    old_s, before = time.time() - 7200, await asyncio.to_thread(end, own)
    mailgun.events = [event(number, old_s + number, f"email-normal-{PARTITION}-{base}-{number}-0") for number in range(3)]
    await fetched(own, config_of(told, {}), lambda: mailgun.requests >= 4)
    mailgun.asked.clear()
    mailgun.events.append(event(3, old_s + 3, f"email-normal-{PARTITION}-{base}-3-0"))
    await fetched(own, config_of(told, {}), lambda: len(mailgun.asked) >= 3)
    assert not any("begin=" in path for path in mailgun.asked), "it goes on where it stood"
    last = await asyncio.to_thread(end, own)
    records = [await asyncio.to_thread(events_at, own, offset) for offset in range(before, last)]
    assert [each.event_id.split("/")[0] for some in records for each in some] == ["id-0", "id-1", "id-2", "id-3"]
    await mailgun.stop()
