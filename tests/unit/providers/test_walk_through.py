"""The example of docs/adding-a-provider.md works."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.base import Accepted, Message, Outcome, Provider, Rejected, Unknown
from providers.secret import Secret

GUIDE = Path(__file__).parents[3] / "docs" / "adding-a-provider.md"
MESSAGES = [Message(message_id=f"m-{i}", notification_id="n", user_id="u", address="+49", ref=f"r-{i}", body="Hi") for i in range(2)]


@pytest.fixture
def acme() -> Provider:
    match = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert match
    names: dict[str, Any] = {"__name__": "acme"}
    exec(compile(match[1], "acme", "exec"), names)
    provider = names["Acme"]("sms", Secret("key"))
    assert isinstance(provider, Provider)
    return provider


def test_it_builds(acme: Provider) -> None:
    assert b'{"ref":"m-1","to":"+49","text":"Hi","media":[],"callback_data":"r-1"}' in acme.build(MESSAGES).content


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"ref": "m-1", "code": 0, "id": "x"}], [Unknown("the answer does not mention this message"), Accepted("x")]),
        ([{"ref": "m-0", "code": 99}, {"ref": "m-1", "code": 0}], [Rejected("acme_99"), Accepted()]),
    ],
)
def test_it_parses(items: list[dict[str, Any]], expected: list[Outcome], acme: Provider) -> None:
    assert acme.parse(MESSAGES, httpx.Response(200, json={"items": items})) == expected
