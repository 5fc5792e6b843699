"""Slack's chat.postMessage, as https://docs.slack.dev/reference/methods/chat.postMessage describes it.

Blocks: https://docs.slack.dev/reference/block-kit/blocks (header, section, image), with their limits.
"""

import json
import re
from html import unescape
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, blames_us, is_down, leaves_open, rejects, throttles

KEY, ARCHIVED = "xoxb-123-key", "C0ARCHIVED"


def error(name: str) -> str:
    return json.dumps({"ok": False, "error": name})


class SlackEmulator(Emulator):
    refusals = {
        "revoked": Refusal(200, error("token_revoked"), blames_us),
        "scope": Refusal(200, '{"ok": false, "error": "missing_scope", "needed": "chat:write", "provided": "users:read"}', blames_us),
        "no channel": Refusal(200, error("channel_not_found"), rejects),
        "not in channel": Refusal(200, error("not_in_channel"), rejects),
        "too long": Refusal(200, error("msg_too_long"), rejects),
        "blocks": Refusal(200, error("invalid_blocks"), rejects),
        "limited": Refusal(429, error("ratelimited"), throttles, {"retry-after": "30"}),
        "limited workspace": Refusal(200, error("message_limit_exceeded"), throttles),
        "unavailable": Refusal(200, error("service_unavailable"), is_down),
        "fatal": Refusal(200, error("fatal_error"), leaves_open),
        "internal": Refusal(200, error("internal_error"), leaves_open),
        "unheard of": Refusal(200, error("sunspots"), leaves_open),
        "down": Refusal(503, "", is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) != ("POST", "/api/chat.postMessage"):
            return _answer(error("unknown_method"))
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return _answer(error("not_authed"))
        if request.headers["authorization"] != f"Bearer {KEY}":
            return _answer(error("invalid_auth"))
        if (request.content_type, request.charset) != ("application/json", "utf-8"):
            self.complaints.append(f"content-type {request.headers.get('content-type')}")
        body = json.loads(await request.read())
        if fault := self._fault(body):
            return _answer(error(fault))
        self.bodies.append(body)
        self.taken.append(body["channel"])
        ts = f"1503435956.{len(self.bodies):06d}"
        message = {"text": body["text"], "username": "ecto1", "bot_id": "B123ABC456", "type": "message", "ts": ts}
        return _answer(json.dumps({"ok": True, "channel": body["channel"], "ts": ts, "message": message}))

    def missing(self, message: Message) -> list[str]:
        body, chat = self.bodies[-1], message.chat
        header, *sections, image = body["blocks"]
        expected: list[tuple[str, Any, Any]] = [
            ("channel", body["channel"], message.address),
            ("text", unescape(body["text"]), f"{message.title}\n{message.body}"),
            ("title", header, {"type": "header", "text": {"type": "plain_text", "text": message.title}}),
            ("body", unescape(sections[0]["text"]["text"]), message.body),
            ("link", sections[1]["text"], {"type": "mrkdwn", "text": f"<{chat.link}>"}),
            ("image", image["image_url"], chat.image),
            ("thread", body["thread_ts"], chat.thread),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]

    def _fault(self, body: dict[str, Any]) -> str:
        self.complaints += [f"unknown argument {name}" for name in body.keys() - {"channel", "text", "blocks", "thread_ts"}]
        if not re.fullmatch(r"[CDGU][A-Z0-9]{7,}", body.get("channel", "")):
            return "channel_not_found"
        if body["channel"] == ARCHIVED:
            return "is_archived"
        if not (body.get("text") or body.get("blocks")):
            return "no_text"
        if len(body.get("text", "")) > 40_000:
            self.complaints.append("the text is cut after 40,000 characters")
        if len(body.get("blocks", [])) > 50 or not all(map(_is_block, body.get("blocks", []))):
            return "invalid_blocks"
        return "" if re.fullmatch(r"\d+\.\d+", body.get("thread_ts", "1.1")) else "cannot_reply_to_message"


def _is_block(block: dict[str, Any]) -> bool:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
            return 1 <= len(text) <= 150
        case {"type": "section", "text": {"type": "mrkdwn", "text": str(text)}}:
            return 1 <= len(text) <= 3000
        case {"type": "image", "image_url": str(url), "alt_text": str(text)}:
            return 1 <= len(url) <= 3000 and 1 <= len(text) <= 2000
    return False


def _answer(body: str) -> web.Response:
    return web.Response(text=body, content_type="application/json", charset="utf-8")
