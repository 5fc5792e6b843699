"""Postmark, asked by our reference."""

import json
from typing import Any

import httpx
import pytest

from providers.feedback.asked import Inquiry
from providers.feedback.base import Heard
from providers.feedback.polled import PageRefused
from providers.feedback.postmark_search import PostmarkSearch
from providers.feedback.registry import INQUIRIES, load_inquiries
from providers.secret import Secret

NOW = 1_700_000_000_000
REF = "email-normal-3-42-17-0"
SEARCH = PostmarkSearch(Secret("token"), stream="broadcast")
# the example of https://postmarkapp.com/developer/api/messages-api, with our metadata
FOUND: dict[str, Any] = {
    "Tag": "Invitation",
    "MessageID": "0ac29aee-e1cd-480d-b08d-4f48548ff48d",
    "MessageStream": "broadcast",
    "To": [{"Email": "john.doe@yahoo.com", "Name": None}],
    "Cc": [],
    "Bcc": [],
    "Recipients": ["john.doe@yahoo.com"],
    "ReceivedAt": "2014-02-20T07:25:01.4178645-05:00",
    "From": '"Joe" <joe@domain.com>',
    "Subject": "staging",
    "Attachments": [],
    "Status": "Sent",
    "Metadata": {"ref": REF},
}


def answer(*messages: dict[str, Any], status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, content=json.dumps({"TotalCount": len(messages), "Messages": messages}).encode())


def test_it_is_asked_by_what_it_was_sent_with() -> None:
    request = SEARCH.request(REF)
    assert str(request.url) == f"https://api.postmarkapp.com/messages/outbound?count=1&offset=0&messagestream=broadcast&metadata_ref={REF}"
    assert (request.method, request.headers["x-postmark-server-token"]) == ("GET", "token")
    assert isinstance(SEARCH, Inquiry)


def test_a_message_that_is_there_was_taken() -> None:
    response = answer(FOUND)
    assert SEARCH.parse(REF, response, NOW) == Heard(
        provider="postmark", kind="accepted", ref=REF, provider_message_id=FOUND["MessageID"], address="john.doe@yahoo.com", reason="sent",
        detail="asked", occurred_at=1_392_899_101_418, event_id=f"asked/{FOUND['MessageID']}", raw=response.content,
    )  # fmt: skip


@pytest.mark.parametrize(
    "messages",
    [[], [FOUND | {"Metadata": {"ref": REF[:-1] + "1"}}], [FOUND | {"Metadata": {}}], [FOUND | {"MessageID": ""}]],
    ids=["none", "another", "without", "no id"],
)
def test_another_message_says_nothing_of_it(messages: list[dict[str, Any]]) -> None:
    assert SEARCH.parse(REF, answer(*messages), NOW) is None


def test_with_copies_it_is_not_said_whose_address_it_is() -> None:
    heard = SEARCH.parse(REF, answer(FOUND | {"Recipients": ["a@example.com", "b@example.com"]}), NOW)
    assert heard is not None
    assert heard.address == ""


@pytest.mark.parametrize(("status", "content"), [(401, b"{}"), (429, b""), (500, b""), (200, b""), (200, b"[]"), (200, b'{"Messages": 1}')])
def test_another_answer_is_refused(status: int, content: bytes) -> None:
    with pytest.raises(PageRefused) as caught:
        SEARCH.parse(REF, httpx.Response(status, headers={"retry-after": "3"}, content=content), NOW)
    assert caught.value.wait_ms == (3000 if status != 200 else 0)


def test_whom_to_ask_comes_from_a_file() -> None:
    asked = load_inquiries({"mail": {"kind": "postmark", "options": {"server_token": "${TOKEN}"}}}, {"TOKEN": "t"})
    assert {name: each.name for name, each in asked.items()} == {"mail": "mail"}
    assert set(INQUIRIES) == {"postmark"}
