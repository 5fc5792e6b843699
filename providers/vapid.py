"""Voluntary application server identification: RFC 8292.

A JWT (ES256) for the origin of the endpoint, signed by the key whose public half browsers subscribed with. One for each push service, used
until an hour before it ends.
"""

from collections.abc import Callable, Generator

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from providers.errors import SignInError
from providers.secret import Secret
from providers.web_push_crypto import CURVE, decoded, encoded, point

LIFETIME_S = 12 * 3600
"""RFC 8292, 2: at most 24 hours, by the push service's clock."""
MARGIN_MS = 3_600_000
MAX_ORIGINS = 1000


class Vapid(httpx.Auth):
    """Signs requests. A key that is replaced signs the next request; browsers must subscribe again with it."""

    def __init__(self, key: Secret, subject: str, clock: Callable[[], int]) -> None:
        """`key`: 32 bytes in base64url, or PEM. `subject`: whom a push service may turn to, mailto: or https:. `clock`: epoch ms."""
        self._key, self._subject, self._clock = key, subject, clock
        self._headers: dict[str, tuple[str, int]] = {}
        self._of = ""
        self._signer: ec.EllipticCurvePrivateKey | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the request."""
        request.headers["authorization"] = self._header(f"{request.url.scheme}://{request.url.netloc.decode()}")
        yield request

    def _header(self, origin: str) -> str:
        key, now = self._key.reveal(), self._clock()
        if self._signer is None or self._of != key:
            self._signer, self._of = _signer(key), key
            self._headers.clear()
        header, renewed_at = self._headers.get(origin, ("", 0))
        if now >= renewed_at:
            if len(self._headers) >= MAX_ORIGINS:
                self._headers.clear()
            header = self._signed(self._signer, origin, now // 1000)
            self._headers[origin] = header, now + LIFETIME_S * 1000 - MARGIN_MS
        return header

    def _signed(self, signer: ec.EllipticCurvePrivateKey, origin: str, now_s: int) -> str:
        token = jwt.encode({"aud": origin, "exp": now_s + LIFETIME_S, "sub": self._subject}, signer, "ES256")
        return f"vapid t={token}, k={encoded(point(signer.public_key()))}"


def _signer(key: str) -> ec.EllipticCurvePrivateKey:
    """Raises SignInError for a key that can't be used."""
    try:
        made = load_pem_private_key(key.encode(), None) if key.startswith("-----") else _of_bytes(decoded(key))
    except (ValueError, TypeError):
        made = None
    if not isinstance(made, ec.EllipticCurvePrivateKey) or made.curve.name != CURVE.name:
        raise SignInError("the VAPID key is neither 32 bytes in base64url nor a P-256 key in PEM")
    return made


def _of_bytes(number: bytes) -> ec.EllipticCurvePrivateKey | None:
    return ec.derive_private_key(int.from_bytes(number), CURVE) if len(number) == 32 else None
