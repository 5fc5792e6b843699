"""Refusals as problem documents. https://www.rfc-editor.org/rfc/rfc9457"""

from http import HTTPStatus

import msgspec
from aiohttp import web

from providers.feedback.errors import FeedbackRefused, Malformed, NoPassword, Replayed, WrongPassword

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5
"""After how long whom we could not serve may come again, for those who ask."""
_STATUSES: dict[type[FeedbackRefused], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Replayed: HTTPStatus.CONFLICT,
    NoPassword: HTTPStatus.UNAUTHORIZED,
    WrongPassword: HTTPStatus.UNAUTHORIZED,
}
_HEADERS: dict[HTTPStatus, dict[str, str]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_S)},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Basic realm="feedback"'},
}


def problem(status: HTTPStatus, code: str, detail: str) -> web.Response:
    """Return an answer that says what is wrong. `code`: a short name that never changes."""
    body = {"type": f"urn:carillon:problem:{code}", "title": code.replace("_", " "), "status": int(status), "detail": detail}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=MEDIA_TYPE, headers=_HEADERS.get(status))


def refusal(error: FeedbackRefused) -> web.Response:
    """Return the answer to a webhook that is not believed: 400, 401, 403 or 409; 503 where it may be taken when it is sent again."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if error.again else _STATUSES.get(type(error), HTTPStatus.FORBIDDEN)
    return problem(status, error.code, str(error))
