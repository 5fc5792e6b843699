"""Which notifications an event asks for, by the shop's rules and by rules of all kinds."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import contract
from schemas.codec import Codec
from schemas.debezium import UpstreamEvent
from schemas.errors import RecordRefused
from schemas.records import Audience, NotificationRequested, Priority
from schemas.registry import MemoryRegistry
from streams.intake.errors import RuleUnfit
from streams.intake.loader import load_triggers
from streams.intake.parts import AudienceRule, Condition, DataField, DigestRule, ScheduleRule
from streams.intake.rules import decide
from streams.intake.sightings import seen
from streams.intake.trigger import Sighting, Trigger, Triggers
from streams.policy.local import LONGEST_DAY_MS

SHOP = load_triggers()
SHOP_AGAIN = Triggers(list(reversed(SHOP.rules)))
OCCURRED, NOW = 1_700_000_000_000, 1_700_000_000_250
ID = "0d6f3f0e-8a53-4a3e-9d35-6a0d7c1f5a11"


def event(event_type: str, source: str = "events.order") -> UpstreamEvent:
    return UpstreamEvent(ID, event_type, "a-1", source, OCCURRED, b"")


def trigger(**changed: Any) -> Trigger:
    rule = Trigger(
        name="rule",
        event="happened",
        template="t",
        template_version=1,
        audience=AudienceRule(users_field="user"),
        category="transactional",
        priority=Priority.NORMAL,
        channels=["push"],
    )
    return msgspec.structs.replace(rule, **changed)


def one(fields: dict[str, Any], **changed: Any) -> NotificationRequested:
    (request,) = decide(event("happened"), fields, Triggers([trigger(**changed)]), NOW)
    return request


PLACED = {"order_id": "o-1", "user_id": "u-1", "total": "49.90 EUR", "name": "Ann"}
SHOP_CASES = [
    # event type, payload, users, expression, template, category, priority, channels, expires after ms, data, campaign
    ("order.placed", PLACED, ["u-1"], "", "order_placed", "transactional", "normal", ["push", "email", "in_app"], None,
     {"order_id": "o-1", "total": "49.90 EUR", "name": "Ann"}, ""),
    ("order.shipped", {"order_id": "o-1", "user_id": "u-1", "carrier": "DHL", "name": "Ann"}, ["u-1"], "", "order_shipped",
     "transactional", "normal", ["push", "email", "in_app"], None, {"order_id": "o-1", "carrier": "DHL", "name": "Ann"}, ""),
    ("login.code_requested", {"user_id": "u-1", "code": "012345"}, ["u-1"], "", "login_code", "transactional", "critical", ["push"],
     180_000, {"code": "012345"}, ""),
    ("item.liked", {"item": "Lamp", "owner_id": "u-2", "actor": "Bo"}, ["u-2"], "", "item_liked", "engagement", "normal",
     ["push", "in_app"], None, {"actor": "Bo", "item": "Lamp"}, ""),
    ("sale.started", {"sale": "Spring", "audience": "tag:flash-sale", "percent": 20}, [], "tag:flash-sale", "flash_sale", "promotional",
     "low", ["push", "email", "in_app"], 21_600_000, {"sale": "Spring", "percent": "20"}, "Spring"),
]  # fmt: skip


@pytest.mark.parametrize("case", SHOP_CASES, ids=lambda case: case[0])
def test_the_shop(case: tuple[Any, ...]) -> None:
    event_type, fields, users, expression, template, category, priority, channels, expires, data, campaign = case
    (request,) = decide(event(event_type), fields, SHOP, NOW)
    notification = request.notification
    assert request.audience == Audience(users, expression)
    assert (request.idempotency_key, request.rules_version) == (ID, SHOP.version)
    assert (notification.template_id, notification.template_version) == (template, 1)
    assert (notification.category, notification.priority, notification.channels) == (category, priority, channels)
    assert (notification.data, notification.campaign) == (data, campaign)
    assert (notification.event_type, notification.source) == (event_type, "events.order")
    assert (notification.occurred_at, notification.accepted_at) == (OCCURRED, NOW)
    assert notification.expires_at == (None if expires is None else OCCURRED + expires)


def test_an_event_no_rule_is_about_asks_for_nothing() -> None:
    assert decide(event("stock.counted"), {}, SHOP, NOW) == []


def test_ids_are_a_contract() -> None:
    """Golden: a change here sends again whatever is redelivered or replayed after the deployment."""
    (request,) = decide(event("order.placed"), PLACED, SHOP, NOW)
    assert request.notification.notification_id == "8eafcf6a-5e53-5eb4-9966-7800a3bf12a5"


def test_several_rules_make_several_notifications_in_the_order_of_their_names() -> None:
    triggers = Triggers([trigger(name="b"), trigger(name="a"), trigger(name="c", event="other")])
    requests = decide(event("happened"), {"user": "u"}, triggers, NOW)
    assert len({request.notification.notification_id for request in requests}) == 2
    assert requests == decide(event("happened"), {"user": "u"}, Triggers(list(triggers.rules)), NOW)


def test_topic_rule_and_event_each_make_another_notification() -> None:
    def made(source: str, rule: str, event_id: str) -> str:
        happened = UpstreamEvent(event_id, "happened", "a", source, OCCURRED, b"")
        return decide(happened, {"user": "u"}, Triggers([trigger(name=rule)]), NOW)[0].notification.notification_id

    assert len({made("events.a", "r", "1"), made("events.b", "r", "1"), made("events.a", "s", "1"), made("events.a", "r", "2")}) == 4


@pytest.mark.parametrize(
    ("value", "users"), [("u", ["u"]), (7, ["7"]), (["u", "v"], ["u", "v"]), ([2, 1], ["2", "1"]), (["u", "u", "v"], ["u", "v"])]
)
def test_users(value: Any, users: list[str]) -> None:
    assert one({"user": value}).audience == Audience(users=users)


@pytest.mark.parametrize("value", ["", None, True, 1.5, [], [""], [None], {"id": 1}])
def test_users_that_are_none(value: Any) -> None:
    with pytest.raises(RuleUnfit, match="rule rule: field 'user'"):
        one({"user": value})


def test_an_expression_may_be_written_in_the_rule() -> None:
    assert one({}, audience=AudienceRule(expression="all")).audience == Audience(expression="all")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ann", "Ann"), ("", ""), (7, "7"), (True, "true"), (False, "false"), (1.5, "1.5"), (2.0, "2.0"), (1e300, "1e+300"),
        (["b", 1, None], '["b",1,null]'), ({"b": 1, "a": [True]}, '{"a":[true],"b":1}'), ({"a": "Å"}, '{"a":"Å"}'),
    ],
)  # fmt: skip
def test_values_as_templates_see_them(value: Any, text: str) -> None:
    assert one({"user": "u", "x": value}, data={"v": DataField(field="x")}).notification.data == {"v": text}


@pytest.mark.parametrize("value", [b"\x12", [b"\x12"], {"a": {"b": b""}}])
def test_bytes_have_no_text(value: Any) -> None:
    with pytest.raises(RuleUnfit, match="rule rule: field 'x' can't be made text"):
        one({"user": "u", "x": value}, data={"v": DataField(field="x")})


@pytest.mark.parametrize(("fields", "text"), [({}, "you"), ({"x": None}, "you"), ({"x": ""}, ""), ({"x": "Ann"}, "Ann")])
def test_a_value_may_have_a_stand_in(fields: dict[str, Any], text: str) -> None:
    request = one({"user": "u"} | fields, data={"v": DataField(field="x", otherwise="you")})
    assert request.notification.data == {"v": text}


def test_dots_go_into_nested_records() -> None:
    fields = {"buyer": {"id": "u", "name": {"first": "Ann"}}, "none": None}
    request = one(
        fields,
        audience=AudienceRule(users_field="buyer.id"),
        data={"name": DataField(field="buyer.name.first"), "x": DataField(field="none.deep", otherwise="-")},
    )
    assert (request.audience.users, request.notification.data) == (["u"], {"name": "Ann", "x": "-"})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"audience": AudienceRule(users_field="owner")}, "rule rule: field 'owner' is missing; the payload has: n, user"),
        ({"audience": AudienceRule(expression_field="who")}, "rule rule: field 'who' is missing"),
        ({"audience": AudienceRule(expression_field="n")}, "rule rule: field 'n' is not text: 3"),
        ({"audience": AudienceRule(expression_field="user")}, "rule rule: field 'user' audience expression 'u': expected"),
        ({"data": {"v": DataField(field="x")}}, "rule rule: field 'x' is missing"),
        ({"data": {"v": DataField(field="user.name")}}, "rule rule: field 'user.name' is missing"),
        ({"campaign_field": "sale"}, "rule rule: field 'sale' is missing"),
        ({"when": [Condition(field="x", equals=1)]}, "rule rule: field 'x' is missing"),
        ({"when": [Condition(field="user", at_least=1)]}, "rule rule: field 'user' is not a number: 'u'"),
    ],
)
def test_what_a_rule_needs_and_does_not_find_names_rule_and_field(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(RuleUnfit) as refusal:
        one({"user": "u", "n": 3}, **changed)
    assert says in str(refusal.value)
    assert (refusal.value.reason, refusal.value.rule) == ("rule_unfit", "rule")


def test_one_unfit_rule_refuses_the_whole_event() -> None:
    triggers = Triggers([trigger(name="a"), trigger(name="b", campaign_field="sale")])
    with pytest.raises(RuleUnfit, match="rule b"):
        decide(event("happened"), {"user": "u"}, triggers, NOW)


@pytest.mark.parametrize(
    ("condition", "passing", "failing"),
    [
        (Condition(field="x", equals="a"), ["a"], ["b", None, 1]),
        (Condition(field="x", equals=None), [None], ["", 0]),
        (Condition(field="x", equals=1), [1, 1.0], [True, "1", 2]),
        (Condition(field="x", equals=True), [True], [1, "true", False]),
        (Condition(field="x", differs="a"), ["b", None], ["a"]),
        (Condition(field="x", one_of=["a", None]), ["a", None], ["b", False]),
        (Condition(field="x", at_least=10), [10, 10.5], [9, -1.0]),
    ],
)
def test_conditions(condition: Condition, passing: list[Any], failing: list[Any]) -> None:
    triggers = Triggers([trigger(when=[condition])])
    for value in passing:
        assert len(decide(event("happened"), {"user": "u", "x": value}, triggers, NOW)) == 1
    for value in failing:
        assert decide(event("happened"), {"user": "u", "x": value}, triggers, NOW) == []


def test_all_conditions_must_hold() -> None:
    triggers = Triggers([trigger(when=[Condition(field="x", at_least=1), Condition(field="y", equals="b")])])
    assert decide(event("happened"), {"user": "u", "x": 2, "y": "a"}, triggers, NOW) == []
    assert len(decide(event("happened"), {"user": "u", "x": 2, "y": "b"}, triggers, NOW)) == 1


CODEC = Codec(registry := MemoryRegistry(), {NotificationRequested: "s"})
registry.register("s", contract.schema_json("NotificationRequested"))

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=3)
PAYLOADS = st.dictionaries(
    st.sampled_from(
        ["user_id", "order_id", "total", "name", "carrier", "code", "item", "actor", "owner_id", "sale", "percent", "audience", "z"]
    ),
    VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
)


@given(st.sampled_from([case[0] for case in SHOP_CASES]), PAYLOADS, st.integers(0, 2**40))
def test_the_same_event_gives_the_same_bytes_whatever_the_order_of_its_fields(event_type: str, fields: dict[str, Any], at: int) -> None:
    happened = UpstreamEvent(ID, event_type, "a", "events.order", at, b"")
    backwards = dict(reversed(fields.items()))

    def outcome(payload: dict[str, Any], triggers: Triggers) -> list[bytes] | str:
        try:
            return [CODEC.encode(request) for request in decide(happened, payload, triggers, NOW)]
        except RecordRefused as error:
            return str(error)

    assert outcome(fields, SHOP) == outcome(backwards, SHOP_AGAIN)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_only_accepted_at_depends_on_the_clock(first: int, second: int) -> None:
    def made(now: int) -> NotificationRequested:
        return decide(event("order.placed"), PLACED, SHOP, now)[0]

    def blanked(request: NotificationRequested) -> NotificationRequested:
        return msgspec.structs.replace(request, notification=msgspec.structs.replace(request.notification, accepted_at=0))

    assert blanked(made(first)) == blanked(made(second))
    assert made(first).notification.accepted_at == first


# --- for later

LATER = OCCURRED + 3_600_000


@pytest.mark.parametrize(
    ("schedule", "not_before", "minute", "due"),
    [
        (None, None, None, OCCURRED),
        ({"delay_s": 3600}, LATER, None, LATER),
        ({"at_field": "appointment"}, LATER, None, LATER),
        ({"local": "09:05"}, None, 545, OCCURRED + LONGEST_DAY_MS),
        ({"delay_s": 3600, "local": "00:00"}, LATER, 0, LATER + LONGEST_DAY_MS),
    ],
)
def test_a_rule_may_say_when(schedule: dict[str, Any] | None, not_before: int | None, minute: int | None, due: int) -> None:
    rule = None if schedule is None else ScheduleRule(**schedule)
    made = one({"user": "ann", "appointment": LATER}, schedule=rule, expires_after_s=60).notification
    assert (made.not_before, made.local_minute, made.expires_at) == (not_before, minute, due + 60_000)


@pytest.mark.parametrize("value", ["soon", True, -1, LATER * 1000, 1.5, None])
def test_what_is_no_time_refuses_the_event(value: Any) -> None:
    with pytest.raises(RuleUnfit, match="rule rule: field 'at' is (no time in ms|null)"):
        one({"user": "ann", "at": value}, schedule=ScheduleRule(at_field="at"))


def test_a_digest_is_by_the_rule_and_the_values_of_its_fields() -> None:
    rule = DigestRule(by=["item", "n"], actor="who.name")
    told = one({"user": "u", "item": "Lamp", "n": 3, "who": {"name": "Ann"}}, digest=rule).notification
    assert (told.digest_key, told.actor) == ("rule:Lamp:3", "Ann")
    assert one({"user": "u", "item": "Lamp"}, digest=DigestRule(by=["item"])).notification.actor == ""
    with pytest.raises(RuleUnfit, match="rule rule: field 'item' is missing"):
        one({"user": "u"}, digest=DigestRule(by=["item"]))


def test_who_was_seen_by_an_event() -> None:
    triggers = Triggers([], [Sighting(name="app-opened", event="app.opened", user_field="user.id")])
    opened = event("app.opened", "events.app")
    (told,) = seen(opened, {"user": {"id": 7}}, triggers)
    assert (told.user_id, told.at, told.source) == ("7", opened.occurred_at, "events.app")
    assert seen(event("happened"), {}, triggers) == []
    with pytest.raises(RuleUnfit, match="rule app-opened: field 'user.id' is missing"):
        seen(opened, {"user": {}}, triggers)
