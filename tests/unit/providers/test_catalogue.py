"""Template files: what is wrong with one is said with its name; those shipped are whole."""

from pathlib import Path

import pytest

from providers.catalogue import Templates
from providers.errors import TemplateFileError, TemplateUnknownError

GOOD = "{id: hello, version: %d, variables: [], channels: {push: {en: {body: 'v%d'}}}}"
SHIPPED = Templates.load()


def folder(path: Path, *texts: str) -> Path:
    for number, text in enumerate(texts):
        (path / f"t{number}.yaml").write_text(text, encoding="utf-8")
    return path


def test_the_newest_version_is_used_unless_one_is_pinned(tmp_path: Path) -> None:
    templates = Templates.load(folder(tmp_path, GOOD % (2, 2), GOOD % (10, 10), GOOD % (1, 1)))
    assert templates.render("hello", "push", "en", {}).body == "v10"
    assert templates.render("hello", "push", "en", {}, version=2).body == "v2"
    with pytest.raises(TemplateUnknownError, match="template 'hello' has no version 3; newest is 10"):
        templates.get("hello", 3)


def test_an_unknown_template_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(TemplateUnknownError, match="no template 'bye'; there are hello"):
        Templates.load(folder(tmp_path, GOOD % (1, 1))).get("bye")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expected `object`"),
        ("{", "t0.yaml"),
        ("{id: x}", "missing required field `version`"),
        (GOOD.replace("body", "boddy") % (1, 1), "unknown field `boddy`"),
        (GOOD.replace("en:", "de:") % (1, 1), "channel 'push' has no 'en', the fallback"),
        (GOOD.replace("'v%d'", "'{{ x }}'") % 1, "undeclared variable: x"),
    ],
)
def test_a_bad_file_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=says) as caught:
        Templates.load(folder(tmp_path, text))
    assert "t0.yaml" in str(caught.value) or "'hello'" in str(caught.value)


def test_a_version_may_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(TemplateFileError, match="template 'hello': version 1 is there twice"):
        Templates.load(folder(tmp_path, GOOD % (1, 1), GOOD % (1, 2)))


def test_the_demo_has_its_templates() -> None:
    assert SHIPPED.ids == ["flash_sale", "item_liked", "login_code", "order_placed", "order_shipped"]


@pytest.mark.parametrize("template", SHIPPED.ids)
@pytest.mark.parametrize("channel", ["push", "email", "in_app"])
def test_each_is_whole_in_english_and_german(template: str, channel: str) -> None:
    data = {variable: f"<{variable}>" for variable in SHIPPED.get(template).variables}
    english, german = (SHIPPED.render(template, channel, language, data) for language in ("en", "de"))
    assert english.body
    assert german.body
    assert english != german
    heads = (english.subject, german.subject) if channel == "email" else (english.title, german.title)
    assert all(heads)
    if channel == "email":
        assert english.html
        assert "<" + next(iter(data)) not in english.html
