"""A record as people write it."""

from typing import Any

import msgspec
import pytest

from schemas.records import Audience, Notification, Overrides, PolicyPublished, QuietHours
from streams.strict_record import as_written
from tests.emulators.played import CHAT, EMAIL, PUSH, SMS


@pytest.mark.parametrize("record", [Overrides(EMAIL, PUSH, SMS, CHAT), Overrides(), Audience(["u"], "", [{"a": "b"}]), QuietHours(1, 2)])
def test_it_has_the_names_and_the_defaults_of_the_record(record: Any) -> None:
    written = msgspec.convert(msgspec.to_builtins(record), as_written(type(record)))
    assert msgspec.convert(msgspec.to_builtins(written), type(record)) == record


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"fax": {}}, "unknown field `fax`"),
        ({"push": {"snd": ""}}, r"unknown field `snd` - at `\$.push`"),
        (
            {"email": {"attachments": [{"filename": "a", "content_type": "b", "content": "", "path": "c"}]}},
            r"unknown field `path` - at `\$.em",
        ),
        ({"email": {"attachments": [{}]}}, r"missing required field `filename` - at `\$.email.attachments\[0\]`"),
        ({"push": {"data": {"a": 1}}}, "Expected `str`, got `int`"),
        ([], "Expected `object`, got `array`"),
    ],
)
def test_what_the_record_does_not_have_is_refused(raw: Any, complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert(raw, as_written(Overrides))


def test_required_fields_stay_required_and_other_leaves_may_be_written() -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        msgspec.convert({}, as_written(Notification))
    assert msgspec.convert({"text": 1, "at": 2}, as_written(PolicyPublished, {str: int})).text == 1
