"""A workflow with the trigger "When a Teams webhook request is received", and the Teams that it posts to.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using: the envelope, and the card in it; 202
without a body when the run begins. What the run would fail with afterwards is a complaint: nobody is told.
"""

import json
from typing import Any

from aiohttp import web

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, ends_the_address, is_down, leaves_open, rejects, throttles

SIGNED = "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s-3Cr3T_"
ELEMENTS = {"RichTextBlock", "TextBlock", "Image"}


def error(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message}})


OFF = "Could not execute workflow 'e5' trigger 'manual' with state '{}': trigger is not enabled."


class TeamsEmulator(Emulator):
    refusals = {
        "off": Refusal(400, error("WorkflowTriggerIsNotEnabled", OFF.format("Disabled")), rejects),
        "deleted": Refusal(400, error("WorkflowTriggerIsNotEnabled", OFF.format("Deleted")), ends_the_address),
        "schema": Refusal(400, error("TriggerInputSchemaMismatch", "Invalid type. Expected Object but got Null"), rejects),
        "no signature": Refusal(401, error("DirectApiAuthorizationRequired", "must be authenticated only by OAuth"), rejects),
        "gone": Refusal(404, error("WorkflowNotFound", "The workflow could not be found"), ends_the_address),
        "too large": Refusal(413, "", rejects),
        "too many": Refusal(429, error("WorkflowRunsThrottled", "Too many runs"), throttles, {"retry-after": "5"}),
        "error": Refusal(500, error("InternalServerError", "Encountered internal server error"), is_down),
        "bad gateway": Refusal(502, "", is_down),
        "gateway time-out": Refusal(504, "", leaves_open),
    }

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if "/gone/" in request.path:
            return web.Response(status=404, text=error("WorkflowNotFound", "The workflow could not be found"))
        if request.method != "POST" or request.raw_path.partition("?")[2] != SIGNED:
            return web.Response(status=401, text=error("DirectApiAuthorizationRequired", "must be authenticated only by OAuth"))
        if request.content_type != "application/json":
            self.complaints.append(f"content-type {request.content_type}")
        body = json.loads(await request.read())
        (attachment,) = body["attachments"]
        if (body["type"], attachment["contentType"]) != ("message", "application/vnd.microsoft.card.adaptive"):
            self.complaints.append("no message with an Adaptive Card")
        self._look_at(attachment["content"])
        self.cards.append(attachment["content"])
        self.taken.append(f"{self.base_url}{request.raw_path}")
        return web.Response(status=202, headers={"x-ms-workflow-run-id": f"0858{len(self.cards)}CU00"})

    def missing(self, message: Message) -> list[str]:
        title, *lines, image = self.cards[-1]["body"]
        expected: list[tuple[str, Any, Any]] = [
            ("title", title["inlines"][0]["text"], message.title),
            ("body", "\n".join(line["inlines"][0]["text"] for line in lines), message.body),
            ("image", image, {"type": "Image", "url": message.chat.image, "altText": message.title}),
            ("link", self.cards[-1]["actions"][0]["url"], message.chat.link),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]

    def _look_at(self, card: dict[str, Any]) -> None:
        if card["type"] != "AdaptiveCard" or not card["body"]:
            self.complaints.append("Property 'type' must be 'AdaptiveCard'")
        self.complaints += [f"unknown element {element['type']}" for element in card["body"] if element["type"] not in ELEMENTS]
        if len(json.dumps(json.dumps(card))) > 28_672:
            self.complaints.append("MessageSizeExceeded")
