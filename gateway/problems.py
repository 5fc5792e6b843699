"""Refusals as problem documents. https://www.rfc-editor.org/rfc/rfc9457"""

from http import HTTPStatus

import msgspec
from aiohttp import web

from providers.feedback.errors import FeedbackRefused, Malformed, Replayed

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5
"""After how long whom we could not serve may come again, for those who ask."""
_STATUSES: dict[type[FeedbackRefused], HTTPStatus] = {Malformed: HTTPStatus.BAD_REQUEST, Replayed: HTTPStatus.CONFLICT}


def problem(status: HTTPStatus, code: str, detail: str) -> web.Response:
    """Return an answer that says what is wrong. `code`: a short name that never changes."""
    body = {"type": f"urn:carillon:problem:{code}", "title": code.replace("_", " "), "status": int(status), "detail": detail}
    headers = {"Retry-After": str(RETRY_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=MEDIA_TYPE, headers=headers)


def refusal(error: FeedbackRefused) -> web.Response:
    """Return the answer to a webhook that is not believed: 400, 403 or 409; 503 where it may be taken when it is sent again."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if error.again else _STATUSES.get(type(error), HTTPStatus.FORBIDDEN)
    return problem(status, error.code, str(error))
