"""Templates: languages, escaping, and errors that name template, channel and variable."""

from typing import Any

import msgspec
import pytest

from providers.content import DIGEST_VARIABLES, Content, Source, Template
from providers.errors import TemplateFileError, TemplateUnknownError, VariableError

EMAIL = {"subject": "Order {{ id }}", "body": "Hello {{ name }}", "html": "<p>Hello {{ name }}</p>"}


def template(channels: dict[str, Any], variables: tuple[str, ...] = ("id", "name")) -> Template:
    source = {"id": "order", "version": 1, "variables": list(variables), "channels": channels}
    return Template(msgspec.convert(source, Source))


def render(fields: dict[str, str], data: dict[str, str]) -> Content:
    return template({"email": {"en": fields}}, tuple(data)).render("email", "en", data)


def test_html_is_escaped_and_text_is_not() -> None:
    content = render(EMAIL, {"id": "<1>", "name": "Ann & <Bo>"})
    assert content == Content("Order <1>", "", "Hello Ann & <Bo>", "<p>Hello Ann &amp; &lt;Bo&gt;</p>")


def test_a_subject_is_one_line() -> None:
    content = render(EMAIL | {"title": "a {{ id }}"}, {"id": "1\r\nBcc: everybody@example.com", "name": "Ann"})
    assert content.subject == "Order 1 Bcc: everybody@example.com"
    assert content.title == "a 1 Bcc: everybody@example.com"


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "en"), ("de", "de"), ("de-AT", "de"), ("de-CH", "de-CH"), ("fr", "en"), ("", "en"), ("-", "en")],
)
def test_language_falls_back_to_its_base_and_then_to_english(language: str, expected: str) -> None:
    languages = {name: {"body": name} for name in ("en", "de", "de-CH")}
    assert template({"push": languages}, ()).render("push", language, {}).body == expected


def test_equal_data_gives_the_same_object() -> None:
    order = template({"email": {"en": EMAIL}})
    first = order.render("email", "en", {"id": "1", "name": "Ann"})
    assert order.render("email", "en", {"name": "Ann", "id": "1"}) is first
    assert order.render("email", "en", {"name": "Bo", "id": "1"}).body == "Hello Bo"


def test_data_changed_afterwards_is_rendered_afresh() -> None:
    order, data = template({"email": {"en": EMAIL}}), {"id": "1", "name": "Ann"}
    order.render("email", "en", data)
    data["name"] = "Bo"
    assert order.render("email", "en", data).body == "Hello Bo"


@pytest.mark.parametrize(
    ("data", "kind", "variable"),
    [
        ({"id": "1"}, "missing", "name"),
        ({}, "missing", "id"),
        ({"id": "1", "name": "A", "coupon": "x"}, "undeclared", "coupon"),
    ],
)
def test_data_must_be_what_was_declared(data: dict[str, str], kind: str, variable: str) -> None:
    with pytest.raises(VariableError, match=f"template 'order', channel 'email': {kind} variable: {variable}") as caught:
        template({"email": {"en": EMAIL}}).render("email", "en", data)
    error = caught.value
    assert (error.template, error.channel, error.variable, error.kind) == ("order", "email", variable, kind)


def test_an_undeclared_variable_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(VariableError, match="template 'order', channel 'email': undeclared variable: name"):
        template({"email": {"en": EMAIL}}, ("id",))


def test_a_channel_that_is_not_there_is_named() -> None:
    with pytest.raises(TemplateUnknownError, match="template 'order' has no channel 'sms'"):
        template({"email": {"en": EMAIL}}).render("sms", "en", {"id": "1", "name": "A"})


@pytest.mark.parametrize("body", ["{{ id", "{% if id %}", "{% include %}", "{{ id | nonsense }}"])
def test_a_template_that_does_not_compile_is_refused_with_the_place(body: str) -> None:
    with pytest.raises(TemplateFileError, match="template 'order', channel 'push', language 'en'"):
        template({"push": {"en": {"body": body}}})


@pytest.mark.parametrize(
    "body",
    [
        "{{ id.__class__.__mro__ }}",
        "{{ id['nothing'] }}",
        "{{ id.nothing }}",
        "{{ id.format_map.__globals__ }}",
        "{{ 1 // 0 }}",
    ],
)
def test_the_sandbox_holds_and_says_so(body: str) -> None:
    with pytest.raises(VariableError, match="template 'order', channel 'push': unusable variable"):
        template({"push": {"en": {"body": body}}}).render("push", "en", {"id": "1", "name": "A"})


def test_globals_of_jinja_are_not_to_be_had() -> None:
    with pytest.raises(VariableError, match="undeclared variable: range"):
        template({"push": {"en": {"body": "{% for i in range(10) %}x{% endfor %}"}}})


def test_filters_conditions_and_assignments_work() -> None:
    body = "{% set who = name | upper %}{% if id == '1' %}{{ who }}{% else %}-{% endif %}"
    order = template({"push": {"en": {"body": body}}})
    data = {"id": "1", "name": "Ann"}
    assert order.render("push", "en", data).body == "ANN"
    assert data == {"id": "1", "name": "Ann"}


LIKED = {"push": {"en": {"body": "{{ name }} liked {{ id }}"}}}
MANY = {"push": {"en": {"body": "{{ digest_actors }} liked {{ id }} ({{ digest_count }})"}}}


def liked(digest: dict[str, Any]) -> Template:
    return Template(
        msgspec.convert({"id": "liked", "version": 1, "variables": ["id", "name"], "channels": LIKED, "digest": digest}, Source)
    )


def test_a_digest_has_words_of_its_own() -> None:
    one = {"id": "Lamp", "name": "Ann"}
    many = dict.fromkeys(DIGEST_VARIABLES, "") | one | {"digest_actors": "Ann and Bo", "digest_count": "2"}
    assert liked(MANY).render("push", "de", one).body == "Ann liked Lamp"
    assert liked(MANY).render("push", "de", many).body == "Ann and Bo liked Lamp (2)"
    with pytest.raises(TemplateUnknownError, match="template 'liked' has no digest for channel 'push'"):
        liked({}).render("push", "en", many)
    with pytest.raises(VariableError, match="missing variable: digest_others"):
        liked(MANY).render("push", "en", {name: text for name, text in many.items() if name != "digest_others"})


def test_what_digests_say_is_declared_by_nobody() -> None:
    with pytest.raises(VariableError, match="reserved variable: digest_count"):
        template({"email": {"en": {"body": "{{ digest_count }}"}}}, ("digest_count",))
