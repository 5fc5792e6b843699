"""A webhook through the gateway onto a real log: it is there, where its ref says, before it is answered; and Kafka may be away."""

import asyncio
import uuid

import aiohttp
from confluent_kafka import Consumer, TopicPartition

from gateway.config import config_of
from gateway.serving import serve
from ops.cli.context import codec
from ops.cli.gateway import KafkaLog
from ops.endpoints import Endpoints
from providers.feedback.base import Request
from schemas.clients import consumer_config, producer_config
from schemas.records import FeedbackReceived, FeedbacksReceived
from schemas.topics import DEFAULT_PARTITIONS, FEEDBACK
from streams.step.log import LogWriter
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


def record_at(endpoints: Endpoints, offset: int) -> tuple[bytes | None, FeedbackReceived]:
    consumer = Consumer(dict(consumer_config(endpoints.kafka, "test")))
    consumer.assign([TopicPartition(FEEDBACK, PARTITION, offset)])
    message = consumer.poll(10)
    consumer.close()
    assert message is not None
    assert message.error() is None
    with codec(endpoints) as wire:
        return message.key(), wire.decode(message.value(), FeedbacksReceived).events[0]


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
