"""Mailgun's Events API, as its reference and its pages on events, time ranges and polling describe it: pages that grow, URLs that go on."""

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from aiohttp import web

from tests.emulators.mailgun import DOMAIN, KEY
from tests.emulators.server import Emulator


def event(number: int, at_s: float, ref: str = "", kind: str = "delivered", **more: Any) -> dict[str, Any]:
    """An event as «Event structure» shows one."""
    return {
        "event": kind,
        "id": f"id-{number}",
        "timestamp": at_s,
        "log-level": "info",
        "recipient": f"user-{number}@example.com",
        "message": {"headers": {"message-id": f"{number}.mg@{DOMAIN}"}},
        "user-variables": {"ref": ref} if ref else {},
        "delivery-status": {"code": 250, "message": "OK"},
    } | more


class MailgunEventsEmulator(Emulator):
    """`events` may be added to, and put in between, at any time. `gone`: URLs of pages are good no more."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.gone = False
        self.answers: list[web.Response] = []
        """What is answered first, whatever is asked."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        if self.answers:
            return self.answers.pop(0)
        if request.headers.get("authorization") != "Basic " + b64encode(f"api:{KEY}".encode()).decode():
            return web.json_response("Forbidden", status=401)
        path = f"/v3/{DOMAIN}/events"
        if request.method != "GET" or not (request.path == path or request.path.startswith(f"{path}/")):
            return web.json_response({"message": "Not Found"}, status=404)
        if request.path == path:
            return self._first(request)
        if self.gone:
            return web.json_response({"message": "page URL has expired"}, status=404)
        begin, skip, limit = urlsafe_b64decode(request.path.removeprefix(f"{path}/")).decode().split("/")
        return self._page(float(begin), int(skip), int(limit))

    def _first(self, request: web.BaseRequest) -> web.Response:
        asked = request.query
        if "end" not in asked and asked.get("ascending") not in ("yes", "no"):
            return web.json_response({"message": "Sort direction must be provided if the range end time is not specified"}, status=400)
        limit = int(asked.get("limit", "100"))
        if not 1 <= limit <= 300 or asked.get("ascending") != "yes":
            self.complaints.append(f"not asked for as it is polled: {request.path_qs}")
        return self._page(float(asked["begin"]), 0, limit)

    def _page(self, begin: float, skip: int, limit: int) -> web.Response:
        """In the order of time, from `skip` events after `begin` on. Both URLs are there always."""
        ordered = sorted((each for each in self.events if each["timestamp"] >= begin), key=lambda each: float(each["timestamp"]))
        found = ordered[skip : skip + limit]
        paging = {"next": self._url(begin, skip + len(found), limit), "previous": self._url(begin, max(0, skip - limit), limit)}
        return web.json_response({"items": found, "paging": paging})

    def _url(self, begin: float, skip: int, limit: int) -> str:
        return f"{self.base_url}/v3/{DOMAIN}/events/{urlsafe_b64encode(f'{begin}/{skip}/{limit}'.encode()).decode()}"
