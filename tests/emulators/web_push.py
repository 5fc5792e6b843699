"""A push service and the browsers behind it: RFC 8030 (protocol), 8188 and 8291 (encryption), 8292 (sign-in). Browsers decrypt what they
get; errors are Mozilla's (https://mozilla-services.github.io/autopush-rs/errors.html).
"""

import hmac
import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import jwt
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from providers.base import Message
from tests.emulators.server import Refusal, blames_us, ends_the_address, is_down, leaves_open, rejects, throttles
from tests.emulators.tls import TlsEmulator, TlsRequest

SUBJECT = "mailto:push@example.com"
GONE = "gone"
_CURVE = ec.SECP256R1()


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def raw(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@cache
def private_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A key pair of this process: an application server's, or a browser's."""
    return ec.generate_private_key(_CURVE)


def vapid_key(name: str) -> str:
    """The private key as the usual tools print it: 32 bytes in base64url."""
    return b64(private_key(name).private_numbers().private_value.to_bytes(32))


class Browser(NamedTuple):
    """Who subscribed."""

    name: str
    key: ec.EllipticCurvePrivateKey
    auth: bytes

    def subscription(self, base_url: str) -> str:
        """`JSON.stringify(subscription)`."""
        keys = {"p256dh": b64(raw(self.key.public_key())), "auth": b64(self.auth)}
        return json.dumps({"endpoint": f"{base_url}/wpush/v2/{self.name}", "expirationTime": None, "keys": keys})

    def read(self, body: bytes) -> bytes:
        """What a push message says: RFC 8291, 3.3 and 3.4, by RFC 8188, 2. Raises ValueError or InvalidTag."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        if length != 65 or not len(record) <= size:
            raise ValueError("not one record of aes128gcm with a P-256 key")
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
        material = expand(extract(self.auth, shared), b"WebPush: info\x00" + raw(self.key.public_key()) + sender, 32)
        secret = extract(salt, material)
        key, nonce = expand(secret, b"Content-Encoding: aes128gcm\x00", 16), expand(secret, b"Content-Encoding: nonce\x00", 12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\x00")
        if padded[-1:] != b"\x02":
            raise ValueError("no delimiter of a last record")
        return padded[:-1]


def extract(salt: bytes, material: bytes) -> bytes:
    """HKDF, RFC 5869, 2.2."""
    return hmac.new(salt, material, sha256).digest()


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF, RFC 5869, 2.3, of one block."""
    return hmac.new(secret, info + b"\x01", sha256).digest()[:length]


@cache
def browser(name: str) -> Browser:
    return Browser(name, private_key(f"browser {name}"), sha256(name.encode()).digest()[:16])


def error(code: int, errno: int, message: str) -> str:
    return json.dumps({"code": code, "errno": errno, "error": "", "message": message, "more_info": "http://autopush.readthedocs.io"})


def refused(status: int, errno: int, message: str) -> web.Response:
    return web.Response(status=status, text=error(status, errno, message), headers={"content-type": "application/json"})


class WebPushEmulator(TlsEmulator):
    protocols = ["http/1.1"]
    refusals = {
        "invalid keys": Refusal(400, error(400, 110, "Invalid crypto keys specified"), rejects),
        "topic": Refusal(400, '{"reason":"BadWebPushTopic"}', rejects),
        "unauthorized": Refusal(401, error(401, 109, "Invalid authentication"), blames_us),
        "forbidden": Refusal(403, "the VAPID credentials do not correspond to the credentials of the subscription", blames_us),
        "not found": Refusal(404, error(404, 102, "Invalid URL endpoint"), ends_the_address),
        "expired": Refusal(410, error(410, 103, "Expired URL endpoint"), ends_the_address),
        "unsubscribed": Refusal(410, error(410, 106, "Invalid subscription"), ends_the_address),
        "gone": Refusal(410, "push subscription has unsubscribed or expired.", ends_the_address, {"content-type": "text/plain"}),
        "too large": Refusal(413, error(413, 104, "Data payload too large"), rejects),
        "too many": Refusal(429, error(429, 201, "Use exponential back-off for retries"), throttles, {"retry-after": "120"}),
        "server error": Refusal(500, error(500, 999, "Unknown error"), is_down),
        "bridge": Refusal(502, error(502, 902, "An error occurred while establishing a connection"), is_down),
        "bridge timed out": Refusal(502, error(502, 903, "The request timed out"), leaves_open),
        "unavailable": Refusal(503, error(503, 202, "Immediate retry ok"), is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.signed: list[str] = []
        self.bodies: list[bytes] = []

    def located(self, address: str) -> str:
        return browser(address).subscription(self.base_url)

    async def handle(self, request: TlsRequest) -> web.Response:  # type: ignore[override]
        body = await request.read()
        name = request.path.removeprefix("/wpush/v2/")
        if request.method != "POST":
            return web.Response(status=405)
        if fault := self._sign_in_fault(request):
            return refused(401, 109, fault)
        if name == GONE:
            return refused(410, 106, "Invalid subscription")
        if len(body) > 4096:
            return refused(413, 104, "Data payload too large")
        if errno := _header_fault(request.headers):
            return refused(400, errno, "Bad parameters")
        return self._delivered(browser(name), request, body)

    def _delivered(self, to: Browser, request: TlsRequest, body: bytes) -> web.Response:
        """A push service takes what it can't read: that the browser can't either is a complaint."""
        self.bodies.append(body)
        self.taken.append(to.subscription(self.base_url))
        try:
            self.sent.append((dict(request.headers), json.loads(to.read(body))))
        except (ValueError, InvalidTag, IndexError) as fault:
            self.complaints.append(f"{to.name} can't read it: {fault!r}")
        return web.Response(status=201, headers={"location": f"{self.base_url}/m/{len(self.taken)}", "ttl": request.headers["ttl"]})

    def _sign_in_fault(self, request: TlsRequest) -> str:
        found = re.fullmatch(r"vapid t=([\w.-]+), k=([\w-]+)", request.headers.get("authorization", ""))
        if not found:
            return "Missing or malformed authorization"
        if unb64(found[2]) != raw(private_key("right").public_key()):
            return "VAPID public key mismatch"
        try:
            claims = jwt.decode(found[1], private_key("right").public_key(), ["ES256"], audience=self.base_url, leeway=10)
        except jwt.PyJWTError as fault:
            return str(fault)
        self.signed.append(found[1])
        if claims["exp"] - time.time() > 24 * 3600:
            return "exp is more than 24 hours in the future"
        return "" if claims.get("sub") == SUBJECT else "sub is no contact"

    def missing(self, message: Message) -> list[str]:
        headers, told = self.sent[-1]
        push = message.push
        assert message.expires_at is not None
        fields = ("image", "link", "sound", "badge", "category", "thread", "collapse_key", "data")
        expected: list[tuple[str, Any, Any]] = [(name, told[name], getattr(push, name)) for name in fields]
        expected += [
            ("title", told["title"], message.title),
            ("body", told["body"], message.body),
            ("ref", told["ref"], message.ref),
            ("expires_at", headers["ttl"], str((message.expires_at - message.sent_at) // 1000)),
            ("priority", headers["urgency"], "high" if message.priority in ("critical", "high") else message.priority),
            ("topic", len(headers["topic"]), 32),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _header_fault(headers: Any) -> int:
    """The `errno` of what is wrong with them; 0: nothing."""
    if headers.get("content-encoding") != "aes128gcm":
        return 110
    if "ttl" not in headers:
        return 111
    if not headers["ttl"].isdigit() or int(headers["ttl"]) > 2_592_000:
        return 112
    topic = headers.get("topic", "0000")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", topic) or len(topic) % 4 == 1:
        return 113
    return 0 if headers.get("urgency", "normal") in ("very-low", "low", "normal", "high") else 111
