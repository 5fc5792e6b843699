"""Slack's documented errors are what they mean; text is escaped, never cut."""

from html import unescape
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.secret import Secret
from providers.slack import LONGEST, Slack
from providers.slack_blocks import pieces
from providers.slack_codes import CODES
from schemas.records import ChatOverrides

PLAIN = Message(message_id="b.0.0", notification_id="n", user_id="u", address="C123ABC456", body="Hello world")
SLACK = Slack("chat", Secret("xoxb-your-token"))


def body_of(message: Message) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(SLACK.build([message]).content)
    return decoded


def read(status: int, body: Any, headers: dict[str, str] | None = None) -> Outcome:
    (outcome,) = SLACK.parse([PLAIN], httpx.Response(status, json=body, headers=headers))
    return outcome


def test_the_published_example() -> None:
    """https://docs.slack.dev/messaging/sending-and-scheduling-messages: POST, Bearer, {"channel": ..., "text": "Hello world"}."""
    request = SLACK.build([PLAIN])
    assert (request.method, str(request.url)) == ("POST", "https://slack.com/api/chat.postMessage")
    assert request.headers["authorization"] == "Bearer xoxb-your-token"
    assert msgspec.json.decode(request.content) == {"channel": "C123ABC456", "text": "Hello world"}


def test_the_published_answer() -> None:
    body = {"ok": True, "channel": "C123ABC456", "ts": "1503435956.000247", "message": {"text": "Here's a message for you"}}
    assert read(200, body) == Accepted("1503435956.000247")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<!channel> <@U1> <https://evil.example|bank>", "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|bank&gt;"),
        ("&amp;", "&amp;amp;"),
        ("*bold* 😀", "*bold* 😀"),
    ],
)
def test_no_data_can_mention_or_hide_a_link(text: str, shown: str) -> None:
    assert body_of(msgspec.structs.replace(PLAIN, body=text))["text"] == shown


def test_a_rich_message_has_blocks_and_a_text_for_who_sees_none() -> None:
    chat = ChatOverrides(link="https://x.example/?a=1&b=<|>", image="https://x.example/i.png", thread="1.2")
    body = body_of(msgspec.structs.replace(PLAIN, title="R&D", chat=chat))
    assert body == {
        "channel": "C123ABC456",
        "text": "R&amp;D\nHello world",
        "thread_ts": "1.2",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "R&D"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "Hello world"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "<https://x.example/?a=1&amp;b=%3C%7C%3E>"}},
            {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "R&D"},
        ],
    }


def test_what_is_long_has_several_sections_and_nothing_is_cut() -> None:
    message = msgspec.structs.replace(PLAIN, title="T" * 151, body="word & " * 2_000)
    texts = [block["text"]["text"] for block in body_of(message)["blocks"]]
    assert texts[0] == "T" * 151
    assert all(len(text) <= 3_000 for text in texts)
    assert unescape(" ".join(texts[1:])).split() == message.body.split()
    image = msgspec.structs.replace(message, title="T" * 2_001, chat=ChatOverrides(image="https://x.example/i.png"))
    assert body_of(image)["blocks"][-1]["alt_text"] == "image"


@given(st.text(max_size=300) | st.text(st.sampled_from("&<> \na😀"), max_size=300), st.integers(6, 60))
def test_pieces_are_the_text_and_short_enough(text: str, limit: int) -> None:
    found = list(pieces(text, limit))
    assert [piece for piece in found if not piece or len(piece.encode("utf-16-le")) // 2 > limit] == []
    assert "".join(unescape_all(piece) for piece in found).split() == "".join(text.split()).split()


def unescape_all(text: str) -> str:
    """Without white space, at which pieces end."""
    return "".join(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split())


def test_what_slack_would_cut_is_refused() -> None:
    assert SLACK.refused(msgspec.structs.replace(PLAIN, body="a" * LONGEST)) is None
    outcome = SLACK.refused(msgspec.structs.replace(PLAIN, body="&" * 8_001))
    assert outcome == Rejected("too_long", "40005 characters, 40000 are allowed")


@pytest.mark.parametrize("address", ["", "#general", "\x00", "é" * 500, '"}'])
def test_no_address_makes_it_raise(address: str) -> None:
    assert body_of(msgspec.structs.replace(PLAIN, address=address)).get("channel", "") == address


NO, LATER, DOWN, OURS, OPEN = Rejected(""), Throttled(), Unavailable(), Unavailable(config=True), Unknown()
DOCUMENTED: dict[str, Outcome] = {
    "access_denied": OURS,
    "accesslimited": OURS,
    "account_inactive": OURS,
    "app_access_restricted": OURS,
    "as_user_not_supported": OURS,
    "attachment_payload_limit_exceeded": NO,
    "cannot_reply_to_message": NO,
    "channel_not_found": NO,
    "deprecated_endpoint": OURS,
    "draft_already_deleted": NO,
    "draft_already_sent": NO,
    "draft_has_conflict": NO,
    "draft_not_found": NO,
    "duplicate_channel_not_found": NO,
    "duplicate_message_not_found": NO,
    "ekm_access_denied": NO,
    "enterprise_is_restricted": OURS,
    "fatal_error": OPEN,
    "internal_error": OPEN,
    "invalid_arg_name": NO,
    "invalid_arguments": NO,
    "invalid_array_arg": NO,
    "invalid_auth": OURS,
    "invalid_blocks": NO,
    "invalid_blocks_format": NO,
    "invalid_charset": NO,
    "invalid_form_data": NO,
    "invalid_metadata_format": NO,
    "invalid_metadata_schema": NO,
    "invalid_post_type": NO,
    "is_archived": Rejected("", address_dead=True),
    "is_bot": OURS,
    "markdown_text_conflict": NO,
    "message_limit_exceeded": LATER,
    "messages_tab_disabled": OURS,
    "metadata_must_be_sent_from_app": NO,
    "metadata_too_large": NO,
    "method_deprecated": OURS,
    "missing_file_data": NO,
    "missing_post_type": NO,
    "missing_scope": OURS,
    "msg_blocks_too_long": NO,
    "msg_too_long": NO,
    "no_permission": OURS,
    "no_text": NO,
    "not_allowed_token_type": OURS,
    "not_authed": OURS,
    "not_in_channel": NO,
    "org_login_required": DOWN,
    "rate_limited": LATER,
    "ratelimited": LATER,
    "request_timeout": DOWN,
    "restricted_action": NO,
    "restricted_action_non_threadable_channel": NO,
    "restricted_action_read_only_channel": NO,
    "restricted_action_thread_locked": NO,
    "restricted_action_thread_only_channel": NO,
    "send_on_behalf_not_allowed": OURS,
    "service_unavailable": DOWN,
    "slack_connect_canvas_sharing_blocked": NO,
    "slack_connect_file_link_sharing_blocked": NO,
    "slack_connect_lists_sharing_blocked": NO,
    "team_access_not_granted": OURS,
    "team_added_to_org": DOWN,
    "team_not_found": OURS,
    "token_expired": OURS,
    "token_revoked": OURS,
    "too_many_attachments": NO,
    "too_many_contact_cards": NO,
    "two_factor_setup_required": OURS,
    "unknown_method": OURS,
}
"""https://docs.slack.dev/reference/methods/chat.postMessage#errors, all of them."""


@pytest.mark.parametrize(("error", "expected"), DOCUMENTED.items())
def test_a_documented_error_is_an_outcome(error: str, expected: Outcome) -> None:
    outcome = read(200, {"ok": False, "error": error})
    assert type(outcome) is type(expected)
    assert getattr(outcome, "address_dead", False) == getattr(expected, "address_dead", False)
    assert getattr(outcome, "config", False) == getattr(expected, "config", False)
    assert error in outcome.detail  # type: ignore[union-attr]


def test_every_code_is_in_the_documented_list_or_general() -> None:
    assert CODES.keys() - DOCUMENTED.keys() == {"invalid_json", "json_not_object"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, {"ok": False, "error": "ratelimited"}, Throttled),
        (500, {}, Unavailable),
        (503, {}, Unavailable),
        (504, {}, Unknown),
        (200, {"ok": False}, Unknown),
        (200, {"ok": False, "error": "sunspots"}, Unknown),
        (200, {"ok": "yes"}, Unknown),
        (200, {}, Unknown),
    ],
)
def test_else_the_status_says_it(status: int, body: Any, expected: type[Outcome]) -> None:
    outcome = read(status, body, {"Retry-After": "30"} if status == 429 else None)
    assert type(outcome) is expected
    assert getattr(outcome, "retry_after_ms", 30_000) == 30_000
