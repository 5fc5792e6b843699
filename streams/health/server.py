"""A small HTTP server on a thread of its own: one request at a time, a time-out on each, GET and HEAD only."""

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

REQUEST_S = 2.0
JSON = "application/json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """An answer."""

    status: int
    body: bytes
    kind: str = JSON


Pages = Mapping[str, Callable[[], Page]]


def page(good: bool, content: Mapping[str, object]) -> Page:
    """200 when good, else 503; the content as JSON."""
    return Page(200 if good else 503, json.dumps(content, separators=(",", ":")).encode() + b"\n")


class HealthServer:
    """Serves pages by path. Raises OSError when the port is taken."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        """`port` 0: any free one."""
        handler = type("Handler", (_Handler,), {"pages": pages})
        self._server = HTTPServer((host, port), handler)
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self, told: Path | None = None) -> None:
        """Serve from now on; `told`: a file that says to others of this machine where."""
        self._thread.start()
        logger.info("health: http://%s:%d/healthz", self.host, self.port)
        if told:
            told.parent.mkdir(parents=True, exist_ok=True)
            fresh = told.with_name(told.name + ".new")
            fresh.write_text(json.dumps({"pid": os.getpid(), "host": self.host, "port": self.port}))
            fresh.replace(told)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_S
    pages: Pages = {}
    server_version = "carillon"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        found = self._page()
        self.send_response(found.status)
        self.send_header("Content-Type", found.kind)
        self.send_header("Content-Length", str(len(found.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(found.body)

    def _page(self) -> Page:
        made = self.pages.get(self.path.partition("?")[0])
        if made is None:
            return Page(404, b"\n", "text/plain")
        try:
            return made()
        except Exception:  # whoever asks must hear that something is wrong
            logger.exception("health: %s failed", self.path)
            return Page(500, b"\n", "text/plain")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: somebody asks every few seconds."""
