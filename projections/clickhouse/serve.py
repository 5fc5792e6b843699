"""The embedded engine's door: `POST /query` on the loopback address, for other processes of the same user.

An engine can be open in one process only, so the projection that writes also answers those who read. Read-only, one query at a time,
bounded in size and time; a random token in a file only its owner can read keeps out other users and web pages.
"""

import hmac
import os
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from projections.clickhouse.address import Address, publish, withdraw
from projections.clickhouse.answers import Answers
from projections.clickhouse.guard import MAX_SQL_BYTES
from projections.errors import QueryRefused

HOST = "127.0.0.1"
MAX_BODY_BYTES = 2 * MAX_SQL_BYTES
MAX_WAITING = 8
IDLE_TIMEOUT_S = 10.0


class Question(msgspec.Struct, frozen=True):
    """The body of `POST /query`."""

    sql: str
    params: dict[str, Any] = {}


class Door:
    """An HTTP server in a thread of its own, from `open` to `close`."""

    def __init__(self, answers: Answers, home: str, path: str, port: int = 0) -> None:
        """`port` 0: any free one. `path`: of the engine, so that a reader of another engine does not come here."""
        self._answers, self._home = answers, home
        self._token = secrets.token_urlsafe(24)
        self._waiting = threading.BoundedSemaphore(MAX_WAITING)
        self._server = _Server((HOST, port), self)
        self.address = Address(f"http://{HOST}:{self._server.server_port}", path, os.getpid(), self._token)
        self._thread = threading.Thread(target=self._server.serve_forever, name="clickhouse-door", daemon=True)

    def open(self) -> None:
        """Answer from now on, and say where."""
        self._thread.start()
        publish(self._home, self.address)

    def close(self) -> None:
        """Stop answering; a query under way is finished."""
        withdraw(self._home, self.address)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(IDLE_TIMEOUT_S)
        self._answers.close()

    def answer(self, authorization: str, body: bytes) -> tuple[HTTPStatus, bytes]:
        """Status and body for one question."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode()):
            return HTTPStatus.UNAUTHORIZED, b"the token is in run/clickhouse.json"
        if not self._waiting.acquire(blocking=False):
            return HTTPStatus.SERVICE_UNAVAILABLE, b"too many queries wait"
        try:
            question = msgspec.json.decode(body, type=Question)
            return HTTPStatus.OK, self._answers.lines(question.sql, question.params)
        except (QueryRefused, msgspec.MsgspecError) as error:
            return HTTPStatus.BAD_REQUEST, str(error).encode()
        finally:
            self._waiting.release()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = MAX_WAITING

    def __init__(self, address: tuple[str, int], door: Door) -> None:
        super().__init__(address, _Handler)
        self.door = door


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_TIMEOUT_S

    def do_POST(self) -> None:
        length = _length(self.headers.get("Content-Length", ""))
        if self.path != "/query":
            self._reply(HTTPStatus.NOT_FOUND, b"POST /query")
        elif not 0 < length <= MAX_BODY_BYTES:
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body of 1 to {MAX_BODY_BYTES} bytes".encode())
        else:
            self._reply(*self.server.door.answer(self.headers.get("Authorization", ""), self.rfile.read(length)))

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-ndjson" if status == HTTPStatus.OK else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Queries are not logged: they may hold user ids."""


def _length(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
