"""Events, rules and templates of the demo shop agree: every field a rule reads exists, every variable a template declares is filled."""

import json

import pytest

from ops.demo.upstream.connector import outbox_connector, tables_connector
from ops.demo.upstream.events import AGGREGATES, EVENT_TYPES, EventWriter, aggregate_of, schema_text, subject_of
from providers.catalogue import Templates
from schemas.codec import Codec
from schemas.debezium import UpstreamEvent
from schemas.registry import MemoryRegistry
from schemas.topics import DEFAULT_PARTITIONS
from streams.intake.loader import load_triggers
from streams.intake.rules import decide
from streams.intake.trigger import Trigger

TRIGGERS = load_triggers()
SAMPLES = {"string": "text", "int": 20}


def fields_of(event_type: str) -> dict[str, object]:
    """A payload of the event, made from its schema."""
    fields = {field["name"]: SAMPLES[field["type"]] for field in json.loads(schema_text(event_type))["fields"]}
    return fields | ({"audience": "all"} if "audience" in fields else {})


def happened(event_type: str) -> UpstreamEvent:
    return UpstreamEvent("e-1", event_type, "a-1", f"events.{aggregate_of(event_type)}", 1_700_000_000_000, b"")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_has_a_rule_that_fits_its_schema(event_type: str) -> None:
    assert len(decide(happened(event_type), fields_of(event_type), TRIGGERS, 0)) == 1


@pytest.mark.parametrize("rule", TRIGGERS.rules, ids=lambda rule: rule.name)
def test_every_rule_fills_its_template_on_every_channel(rule: Trigger) -> None:
    (request,) = decide(happened(rule.event), fields_of(rule.event), TRIGGERS, 0)
    templates = Templates.load()
    notification = request.notification
    for channel in notification.channels:
        templates.render(notification.template_id, channel, "en", notification.data, version=notification.template_version)


def test_the_shop_s_topics() -> None:
    assert AGGREGATES == ("item", "login", "order", "sale")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_is_avro_in_confluent_s_wire_format(event_type: str) -> None:
    registry = MemoryRegistry()
    fields = fields_of(event_type)
    payload = EventWriter(registry).encode(event_type, fields)
    assert Codec(registry, {}).decode_any(payload).fields == fields
    assert subject_of(event_type).startswith(f"events.{aggregate_of(event_type)}-shop.v1.")
    with pytest.raises(ValueError, match=next(iter(fields))):
        EventWriter(registry).encode(event_type, dict(list(fields.items())[1:]))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_field_of_an_event_says_what_it_is(event_type: str) -> None:
    schema = json.loads(schema_text(event_type))
    assert schema["doc"]
    assert all(field["doc"] for field in schema["fields"])


def test_the_connector_s_configuration() -> None:
    config = outbox_connector("postgresql://shop:secret@db:6432/shop", name="their-outbox")
    assert (config["database.hostname"], config["database.port"], config["database.dbname"]) == ("db", "6432", "shop")
    assert (config["database.user"], config["database.password"]) == ("shop", "secret")
    assert (config["topic.prefix"], config["slot.name"]) == ("their-outbox", "their_outbox")
    assert config["transforms.outbox.route.topic.replacement"] == "events.${routedByValue}"
    assert config["topic.creation.default.partitions"] == str(DEFAULT_PARTITIONS)
    assert all(isinstance(value, str) for value in config.values())


def test_the_connector_of_the_tables() -> None:
    dsn = "postgresql://shop@db/shop"
    outbox, config = outbox_connector(dsn), tables_connector(dsn, "http://registry/v2")
    assert config["table.include.list"] == r"public\.customers,public\.preferences,public\.devices"
    assert (config["transforms.route.regex"], config["transforms.route.replacement"]) == (r".*\.public\.(.*)", "cdc.$1")
    assert config["value.converter.apicurio.registry.url"] == "http://registry/v2"
    assert all(outbox[own] != config[own] for own in ("slot.name", "topic.prefix", "publication.name"))
    assert all(isinstance(value, str) for value in config.values())
