"""Signing of requests to AWS: Signature Version 4, in the Authorization header.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import re
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, unquote

import httpx

from providers.secret import Secret
from schemas.clock import now_ms

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"}
)
"""Headers that what carries a request may change."""

_SPACES = re.compile(r"\s+")


class Canonical(NamedTuple):
    """A request as it is signed, and which headers of it are (sorted, with semicolons)."""

    request: str
    signed: str


class SigV4(httpx.Auth):
    """Signs each request with the credentials as they are at that moment."""

    requires_request_body = True

    def __init__(
        self,
        access_key: Secret,
        secret_key: Secret,
        region: str,
        service: str,
        *,
        session_token: Secret | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`session_token`: of temporary credentials. `clock`: epoch ms."""
        self._access_key, self._secret_key, self._session_token = access_key, secret_key, session_token
        self._region, self._service, self._clock = region, service, clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign it."""
        self.sign(request)
        yield request

    def sign(self, request: httpx.Request) -> None:
        """Set the headers of date, session and authorization."""
        moment = datetime.fromtimestamp(self._clock() / 1000, UTC)
        stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
        request.headers["X-Amz-Date"] = stamp
        if self._session_token is not None:
            request.headers["X-Amz-Security-Token"] = self._session_token.reveal()
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        canonical = canonical_request(request.method, path, query, request.headers.multi_items(), request.content)
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(day), to_sign.encode(), "sha256").hex()
        credential = f"Credential={self._access_key.reveal()}/{scope}"
        request.headers["Authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={canonical.signed}, Signature={signature}"

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self._secret_key.reveal()}".encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def canonical_request(method: str, path: str, query: str, headers: Iterable[tuple[str, str]], body: bytes) -> Canonical:
    """Return what is signed of a request. `path`, `query`: as they are on the wire."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() not in UNSIGNED:
            values.setdefault(name.lower(), []).append(_SPACES.sub(" ", value.strip()))
    lines = "".join(f"{name}:{','.join(values[name])}\n" for name in sorted(values))
    signed = ";".join(sorted(values))
    return Canonical("\n".join([method, canonical_path(path), canonical_query(query), lines, signed, sha256(body).hexdigest()]), signed)


def canonical_path(path: str) -> str:
    """Return it without dots and empty segments, encoded once more (as all services but S3 want it)."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    slash = "/" if segments and path.endswith(("/", "/.", "/..")) else ""
    return quote(f"/{'/'.join(segments)}{slash}", safe="/~")


def canonical_query(query: str) -> str:
    """Return its parameters, each encoded in the one way, sorted by name and value."""
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(value)) for name, value in pairs))


def _encoded(part: str) -> str:
    return quote(unquote(part), safe="~")
