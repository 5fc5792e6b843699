"""Signs requests as Standard Webhooks 1.0.0 says: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.

A secret holds one key or more, with white space between; each signs, so that a new one can be in use beside the old one for a while. There
are two kinds of keys: `whsec_` and 24 to 64 bytes in base64, which the receiver has too (HMAC-SHA256, `v1`), and `whsk_` and an ed25519 key
in base64 (the 32 bytes of the seed, or 64 with the public key behind them), of which the receiver has the public half (`v1a`). A `whsec_`
key that several receivers share lets each of them speak in our name to the others: give them the public half of a `whsk_` instead.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from providers.secret import Secret

SYMMETRIC, ASYMMETRIC = "whsec_", "whsk_"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


class Signing(httpx.Auth):
    """Signs a request that has its `webhook-id`, with the keys as they are now."""

    requires_request_body = True

    def __init__(self, secret: Secret, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms. Raises ValueError for a secret that holds no key."""
        self._secret, self._clock = secret, clock
        signatures(secret.reveal(), "", "", b"")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield the request with the time of this attempt and the signatures."""
        timestamp = str(self._clock() // 1000)
        request.headers[TIMESTAMP] = timestamp
        request.headers[SIGNATURE] = signatures(self._secret.reveal(), request.headers[ID], timestamp, request.content)
        yield request


def signatures(keys: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature by each key, with a space between. `timestamp`: epoch seconds. Raises ValueError that says no key."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    found = [_signature(key, signed) for key in keys.split()]
    if not found:
        raise ValueError("the secret holds no key")
    return " ".join(found)


def _signature(key: str, signed: bytes) -> str:
    if key.startswith(SYMMETRIC):
        secret = _decoded(key.removeprefix(SYMMETRIC), range(24, 65))
        return "v1," + b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    if key.startswith(ASYMMETRIC):
        seed = _decoded(key.removeprefix(ASYMMETRIC), (32, 64))[:32]
        return "v1a," + b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(signed)).decode()
    raise ValueError(f"a key must begin with {SYMMETRIC} or {ASYMMETRIC}")


def _decoded(key: str, sizes: range | tuple[int, int]) -> bytes:
    try:
        decoded = b64decode(key, validate=True)
    except ValueError:
        raise ValueError("a key is not base64") from None
    if len(decoded) not in sizes:
        raise ValueError(f"a key has {len(decoded)} bytes")
    return decoded
