"""Trigger rules from files: what is wrong is said with file and rule."""

from pathlib import Path

import pytest

from streams.intake.errors import TriggersInvalid
from streams.intake.loader import SHIPPED, load_triggers
from streams.intake.parts import DataField

RULE = """
  - name: placed
    event: order.placed
    template: order_placed
    template_version: 1
    audience: {users_field: user_id}
    category: transactional
    priority: normal
    channels: [push]
    data: {order_id: order_id, name: {field: name, otherwise: you}}
"""


def write(folder: Path, text: str, name: str = "rules.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_of_rules(tmp_path: Path) -> None:
    write(tmp_path, "rules:" + RULE)
    triggers = load_triggers(tmp_path)
    (rule,) = triggers.about("order.placed")
    assert rule.data == {"order_id": DataField(field="order_id"), "name": DataField(field="name", otherwise="you")}
    assert (rule.when, rule.expires_after_s, rule.campaign_field) == ([], None, "")
    assert triggers.about("order.lost") == []


def test_the_shop_s_rules_load() -> None:
    triggers = load_triggers(SHIPPED)
    assert [rule.name for rule in triggers.rules] == ["flash-sale", "item-liked", "login-code", "order-placed", "order-shipped"]
    assert repr(triggers) == f"Triggers(5 rules, version {triggers.version})"


def test_the_version_is_of_what_the_rules_say(tmp_path: Path) -> None:
    other = RULE.replace("placed\n", "shipped\n").replace("order.placed", "order.shipped")
    write(tmp_path, "rules:" + RULE + other)
    version = load_triggers(tmp_path).version
    write(tmp_path, "# a comment\nrules:" + other + RULE.replace("[push]", "\n    - push  # first"), "rules.yaml")
    assert load_triggers(tmp_path).version == version
    write(tmp_path, "rules:" + RULE)
    write(tmp_path, "rules:" + other, "more.yaml")
    assert load_triggers(tmp_path).version == version
    assert hash(load_triggers(tmp_path)) == hash(version)
    write(tmp_path, "rules:" + other.replace("[push]", "[email]"), "more.yaml")
    assert load_triggers(tmp_path).version != version
    assert len(version) == 12


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("template: order_placed", "tmplate: order_placed", "unknown field `tmplate`"),
        ("    template: order_placed\n", "", "missing required field `template`"),
        ("template: order_placed", "template: ''", "template must not be empty"),
        ("template_version: 1", "template_version: 0", "template_version must be 1 or more"),
        ("template_version: 1", "template_version: one", "Expected `int`"),
        ("category: transactional", "category: spam", "spam"),
        ("priority: normal", "priority: asap", "asap"),
        ("channels: [push]", "channels: [push, push]", "each once"),
        ("channels: [push]", "channels: [pigeon]", "channels ['pigeon']: some of push, email, sms, in_app"),
        ("channels: [push]", "channels: push", "Expected `array`"),
        ("{users_field: user_id}", "{}", "audience: exactly one of"),
        ("{users_field: user_id}", "{users_field: a, expression: all}", "audience: exactly one of"),
        ("{users_field: user_id}", "{expression: 'tags:vip'}", "audience expression 'tags:vip'"),
        ("name: placed", "name: Placed", "name 'Placed'"),
        ("priority: normal", "priority: normal\n    expires_after_s: 0", "expires_after_s 0"),
        ("priority: normal", "priority: normal\n    schedule: {}", "schedule: one or more of delay_s, at_field, local"),
        ("priority: normal", "priority: normal\n    schedule: {delay_s: 0}", "schedule: delay_s must be 1 or more"),
        ("priority: normal", "priority: normal\n    schedule: {delay_s: 5, at_field: x}", "is not given beside at_field"),
        ("priority: normal", "priority: normal\n    schedule: {local: '9:00'}", "'9:00' is no time of the day: HH:MM"),
        ("priority: normal", "priority: normal\n    schedule: {at: x}", "unknown field `at`"),
        ("priority: normal", "priority: normal\n    when: [{field: x}]", "condition on 'x': exactly one of"),
        ("priority: normal", "priority: normal\n    when: [{field: x, equals: 1, differs: 2}]", "condition on 'x': exactly one of"),
        ("order_id: order_id", "order_id: 5", "data"),
        ("event: order.placed", "event: no", "Expected `str`"),
    ],
)
def test_a_bad_rule_is_named_with_its_file(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in RULE
    path = write(tmp_path, "rules:" + RULE.replace(old, new))
    with pytest.raises(TriggersInvalid) as error:
        load_triggers(tmp_path)
    assert str(path) in str(error.value)
    assert "rule placed" in str(error.value) or "rule Placed" in str(error.value)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be `rules:`"),
        ("[]", "must be `rules:`"),
        ("rules: {}", "must be `rules:`"),
        ("rules: []\nmore: 1", "must be `rules:`"),
        ("rules: [1]", "rule number 1"),
        ("rules:\n  - {event: x}", "rule number 1"),
        ("rules: [", "while parsing"),
        ("rules: []\nrules: []", "key 'rules' is there twice"),
        ("rules: []\n? [a]\n: 1", "found unhashable key"),
        ("rules: !!python/object:os.system {}", "could not determine a constructor"),
        ("rules:\n  - name: a\n    name: b", "key 'name' is there twice"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TriggersInvalid) as error:
        load_triggers(tmp_path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"rules: \xff\x00")
    with pytest.raises(TriggersInvalid, match=r"bad\.yaml"):
        load_triggers(tmp_path)


def test_a_folder_without_rules_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TriggersInvalid, match="no \\*.yaml"):
        load_triggers(tmp_path)


def test_a_name_in_two_files_names_both(tmp_path: Path) -> None:
    first, second = write(tmp_path, "rules:" + RULE, "a.yaml"), write(tmp_path, "rules:" + RULE, "b.yaml")
    with pytest.raises(TriggersInvalid) as error:
        load_triggers(tmp_path)
    assert str(error.value) == f"{second}: rule placed: {first} has a rule of that name"


def test_a_file_may_say_by_which_events_users_are_seen(tmp_path: Path) -> None:
    write(tmp_path, "rules:" + RULE + "sightings:\n  - {name: app-opened, event: app.opened, user_field: user_id}\n")
    triggers = load_triggers(tmp_path)
    assert [each.name for each in triggers.seen_by("app.opened")] == ["app-opened"]
    assert triggers.seen_by("order.placed") == []
    seeing = triggers.version
    write(tmp_path, "rules:" + RULE)
    assert load_triggers(tmp_path).version != seeing
    path = write(tmp_path, "rules: []\nsightings: [{name: x, event: app.opened}]")
    with pytest.raises(TriggersInvalid, match=f"{path}: rule x: .*user_field"):
        load_triggers(tmp_path)


def test_a_digest_needs_what_it_is_by(tmp_path: Path) -> None:
    write(tmp_path, "rules:" + RULE + "    digest: {by: []}\n")
    with pytest.raises(TriggersInvalid, match="rule placed: .*digest: by must name one field or more"):
        load_triggers(tmp_path)


OVERRIDES = "    overrides: {push: {image: 'https://shop.example/x.png'}}\n"


@pytest.mark.parametrize(
    ("channels", "overrides", "says"),
    [
        ("[push]", "{pigeon: {}}", "unknown field `pigeon` - at `$.overrides`"),
        ("[push]", "{push: {snd: default}}", "unknown field `snd` - at `$.overrides.push`"),
        ("[push]", "{push: {sound: yes}}", "Expected `str | object`, got `bool` - at `$.overrides.push.sound`"),
        ("[push]", "{push: {badge: '3'}}", "Expected `int | object | null`, got `str` - at `$.overrides.push.badge`"),
        ("[push]", "{push: {badge: -1}}", "overrides.push.badge is not from 0"),
        ("[push]", "{push: {image: 'x.png'}}", "overrides.push.image is no URL"),
        ("[push]", "{push: {link: 'https://shop.example/{order_id}}}'}}", "overrides.push.link: 'https://shop.example/{order_id}}}'"),
        ("[push]", "{push: {link: 'https://shop.example/{{ order id }}'}}", "a field is written as {{ order_id }}"),
        ("[push]", "{push: {sound: {field: x, or: y}}}", "unknown field `or` - at `$.overrides.push.sound`"),
        ("[push]", "{email: {from_name: Shop}}", "overrides: email: the rule's channels are push"),
        ("[email]", "{email: {cc: [ann]}}", "overrides.email.cc[0] is no e-mail address"),
        ("[email]", "{email: {headers: {To: x@shop.example}}}", "overrides.email.headers To is what the message says itself"),
        (
            "[email]",
            "{email: {attachments: [{filename: a}]}}",
            "missing required field `content_type` - at `$.overrides.email.attachments[0]`",
        ),
        ("[email]", "{email: {attachments: [{filename: a, content_type: text/plain, content: '?'}]}}", "Invalid base64"),
        ("[push]", f"{{push: {{data: {{x: {'.' * 50_000}}}}}}}", "overrides have 50"),
    ],
)
def test_overrides_that_no_event_could_make_right_are_named(tmp_path: Path, channels: str, overrides: str, says: str) -> None:
    path = write(tmp_path, "rules:" + RULE.replace("[push]", channels) + f"    overrides: {overrides}\n")
    with pytest.raises(TriggersInvalid) as error:
        load_triggers(tmp_path)
    assert str(error.value).startswith(f"{path}: rule placed: ")
    assert says in str(error.value)


def test_what_an_event_fills_is_not_judged_before_it_comes(tmp_path: Path) -> None:
    some = "{email: {cc: ['{{ agent }}'], attachments: [{filename: '{{ id }}.pdf', content_type: {field: type}, content: {field: pdf}}]}}"
    write(tmp_path, "rules:" + RULE.replace("[push]", "[email]") + f"    overrides: {some}\n")
    (rule,) = load_triggers(tmp_path).rules
    assert rule.overrides.email.attachments[0].content_type == DataField(field="type")


def test_overrides_are_of_the_version_and_rules_without_keep_theirs(tmp_path: Path) -> None:
    write(tmp_path, "rules:" + RULE)
    without = load_triggers(tmp_path).version
    assert without == "15ed32359ff4"  # of before there were any: requests that were made by it keep their version
    write(tmp_path, "rules:" + RULE + OVERRIDES)
    assert load_triggers(tmp_path).version != without


def test_what_is_digested_has_little_beside_its_text(tmp_path: Path) -> None:
    some = f"    overrides: {{push: {{data: {{x: {'.' * 9_000}}}}}}}\n"
    write(tmp_path, "rules:" + RULE + some)
    assert len(load_triggers(tmp_path).rules) == 1
    write(tmp_path, "rules:" + RULE + some + "    digest: {by: [order_id]}\n")
    with pytest.raises(TriggersInvalid, match="rule placed: overrides have 9112 bytes in all; the limit is 8192, as it is for a digest"):
        load_triggers(tmp_path)
