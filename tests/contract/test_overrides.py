"""The whole way of what a notification has beside its text: rule, event, planner, decision, message, a provider's request."""

import json
from collections.abc import AsyncIterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from providers.base import Accepted
from providers.catalogue import Templates
from providers.secret import Secret
from providers.sender import Sender
from providers.transport import FastTransport
from schemas.records import (
    Attachment,
    DeadLetter,
    DeliverBatch,
    Device,
    EmailOverrides,
    ExpandAudience,
    NotificationRequested,
    Output,
    Overrides,
)
from schemas.registry import MemoryRegistry
from schemas.topics import DLQ, FANOUT, REQUESTS, deliver_topic, events_topic
from streams.audience.rules import Person, expand
from streams.audience.told import Place
from streams.delivery.drafts import Drafter
from streams.intake.agent import IntakeStep
from streams.intake.loader import load_triggers
from streams.planner.agent import PlannerStep
from streams.planner.overrides import MAX_ATTACHMENT_BYTES
from streams.policy.loader import load_policy
from streams.step.model import Input
from tests.emulators.fcm import FcmEmulator
from tests.emulators.played import PLAYED
from tests.emulators.sendgrid import SendGridEmulator
from tests.emulators.server import Emulator
from tests.unit.streams.make import NOW, codec, profile, request

RULES = """
rules:
  - name: order-placed
    event: order.placed
    template: order_placed
    template_version: 1
    audience: {users_field: user_id}
    category: transactional
    priority: normal
    channels: [push, email]
    data: {order_id: order_id, total: total, name: name}
    overrides:
      push:
        image: "https://shop.example/{{ order_id }}.png"
        sound: {field: sound, otherwise: default}
        badge: {field: open_orders}
      email:
        reply_to: ["orders+{{ order_id }}@shop.example"]
        headers: {X-Order: "{{ order_id }}"}
        attachments: [{filename: "receipt-{{ order_id }}.pdf", content_type: application/pdf, content: {field: receipt}}]
"""
EVENT: dict[str, Any] = {
    "type": "record",
    "name": "OrderPlaced",
    "fields": [
        *({"name": name, "type": "string"} for name in ("user_id", "order_id", "total", "name")),
        {"name": "sound", "type": ["null", "string"]},
        {"name": "open_orders", "type": "int"},
        {"name": "receipt", "type": "bytes"},
    ],
}
FIELDS = {"user_id": "ann", "order_id": "o-17", "total": "9.99", "name": "Ann", "sound": None, "open_orders": 2, "receipt": b"%PDF-1.4"}
REGISTRY, POLICY, ANN = MemoryRegistry(), load_policy(), profile(devices=[Device("android", PLAYED["fcm"].address(1))])
CODEC = codec(REGISTRY)


class Nothing:
    """The tables of a step that has had nothing yet."""

    def get(self, table: str, key: bytes) -> None:
        return None


def event() -> Input:
    written = BytesIO()
    fastavro.schemaless_writer(written, EVENT, FIELDS)
    number = REGISTRY.register("events.order-OrderPlaced", json.dumps(EVENT))
    headers = {"id": b"e-1", "eventType": b"order.placed"}
    return Input(events_topic("order"), 0, 3, NOW, b"o-17", b"\0" + number.to_bytes(4, "big") + written.getvalue(), headers)


def as_input(output: Output) -> Input:
    return Input(output.topic, output.partition or 0, 5, NOW, output.key, output.value, {})


def batches(folder: Path) -> list[DeliverBatch]:
    """What delivery gets of the event, each record as it is on the log."""
    (folder / "rules.yaml").write_text(RULES)
    view: Any = Nothing()
    (asked,) = IntakeStep("events.order", CODEC, lambda: NOW, load_triggers(folder), 1).decide(view, event()).outputs
    assert (asked.topic, CODEC.decode(asked.value, NotificationRequested).idempotency_key) == (REQUESTS, "e-1")
    (planned,) = PlannerStep(CODEC, lambda: NOW, lambda: POLICY, 1).decide(view, as_input(asked)).outputs
    command = CODEC.decode(planned.value, ExpandAudience)
    decided = expand(command, [Person("ann", ANN, 7)], None, POLICY, Place(FANOUT, 0, 5, NOW))
    return [CODEC.decode(CODEC.encode(batch), DeliverBatch) for batch in decided.batches]


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(FastTransport())
    yield sender
    await sender.aclose()


async def sent(kind: str, emulator: Emulator, batch: DeliverBatch, sender: Sender) -> Any:
    """The body of the request that a provider is made of a batch for one user."""
    note, played = batch.notification, PLAYED[kind]
    render = partial(Templates.load().render, note.template_id, batch.channel, version=note.template_version)
    drafted = Drafter(batch, POLICY.of(note), render, NOW, ref="r").draft(0, ANN, 7)
    await emulator.start()
    try:
        outcomes = await sender.send_all(played.make(emulator, Secret(lambda: played.key)), drafted.messages)
        assert [type(outcome) for outcome in outcomes] == [Accepted], outcomes
        return emulator.bodies[0]  # type: ignore[attr-defined]
    finally:
        await emulator.stop()


async def test_what_a_service_asks_for_and_can_t_be_is_a_dead_letter_that_says_where() -> None:
    part: Any = Nothing()
    files = [Attachment("a.pdf", "application/pdf", b"x"), Attachment("b.pdf", "application/pdf", b"." * (MAX_ATTACHMENT_BYTES + 1))]
    asked = CODEC.encode(request(users=("ann",), overrides=Overrides(email=EmailOverrides(attachments=files))))
    record = Input(REQUESTS, 0, 9, NOW, b"n", asked, {})
    (letter,) = (await PlannerStep(CODEC, lambda: NOW, lambda: POLICY, 1).handle(part, [record])).outputs
    told = CODEC.decode(letter.value, DeadLetter)
    assert (letter.topic, told.reason, told.value) == (DLQ, "request_unfit", asked)
    assert "overrides.email.attachments[1].content: has 32769 bytes; the limit is 32768" in told.detail


async def test_what_a_rule_says_is_in_the_provider_s_request(tmp_path: Path, sender: Sender) -> None:
    push, email = batches(tmp_path)
    assert (deliver_topic(push.channel, "normal"), email.channel) == ("notify.deliver.push.normal", "email")
    body = await sent("sendgrid", SendGridEmulator(), email, sender)
    assert body["attachments"] == [
        {"content": "JVBERi0xLjQ=", "type": "application/pdf", "filename": "receipt-o-17.pdf", "disposition": "attachment"}
    ]
    assert body["reply_to_list"] == [{"email": "orders+o-17@shop.example"}]
    assert body["personalizations"][0]["headers"]["X-Order"] == "o-17"
    told = await sent("fcm", FcmEmulator(), push, sender)
    assert told["notification"]["image"] == "https://shop.example/o-17.png"
    assert (told["android"]["notification"]["sound"], told["android"]["notification"]["notification_count"]) == ("default", 2)
