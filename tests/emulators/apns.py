"""APNs' provider API, as https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns and the pages
beside it describe it: HTTP/2 over TLS, with provider tokens that it verifies.
"""

import json
import re
import time
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from providers.base import Message
from tests.emulators.server import Refusal, blames_us, ends_the_address, is_down, rejects, throttles
from tests.emulators.tls import TlsEmulator, TlsRequest

TOPIC, TEAM, KEY_ID = "com.example.Shop", "C86NV9JX3D", "8YL3G3RRX7"
GONE = "dead" * 16
MAX_PAYLOAD = 4096
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TYPES = {"alert", "background", "complication", "controls", "fileprovider", "liveactivity", "location", "mdm", "pushtotalk", "voip"}
_APS = {
    "alert": dict,
    "badge": int,
    "sound": str,
    "category": str,
    "thread-id": str,
    "mutable-content": int,
    "interruption-level": str,
}


@cache
def private_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A key pair of this process."""
    return ec.generate_private_key(ec.SECP256R1())


def p8(name: str) -> str:
    """The text of a .p8 file."""
    return private_key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def reason(text: str, **more: Any) -> str:
    return json.dumps({"reason": text, **more})


class ApnsEmulator(TlsEmulator):
    refusals = {
        "BadDeviceToken": Refusal(400, reason("BadDeviceToken"), ends_the_address),
        "DeviceTokenNotForTopic": Refusal(400, reason("DeviceTokenNotForTopic"), rejects),
        "BadTopic": Refusal(400, reason("BadTopic"), blames_us),
        "IdleTimeout": Refusal(400, reason("IdleTimeout"), is_down),
        "InvalidProviderToken": Refusal(403, reason("InvalidProviderToken"), blames_us),
        "ExpiredProviderToken": Refusal(403, reason("ExpiredProviderToken"), blames_us),
        "BadPath": Refusal(404, reason("BadPath"), blames_us),
        "MethodNotAllowed": Refusal(405, reason("MethodNotAllowed"), blames_us),
        "Unregistered": Refusal(410, reason("Unregistered", timestamp=1_732_147_200_000), ends_the_address),
        "ExpiredToken": Refusal(410, reason("ExpiredToken"), ends_the_address),
        "PayloadTooLarge": Refusal(413, reason("PayloadTooLarge"), rejects),
        "TooManyProviderTokenUpdates": Refusal(429, reason("TooManyProviderTokenUpdates"), throttles),
        "TooManyRequests": Refusal(429, reason("TooManyRequests"), throttles),
        "InternalServerError": Refusal(500, reason("InternalServerError"), is_down),
        "ServiceUnavailable": Refusal(503, reason("ServiceUnavailable"), is_down),
        "Shutdown": Refusal(503, reason("Shutdown"), is_down),
    }

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[TlsRequest] = []
        self.tokens: dict[tuple[str, int], list[str]] = {}
        """By connection: the provider tokens that came by it."""
        self.stale: set[str] = set()
        """Tokens that are called stale, whatever their age."""
        self.keys = {KEY_ID: private_key("right").public_key()}

    async def handle(self, request: TlsRequest) -> web.Response:  # type: ignore[override]
        if request.version != "2":
            self.complaints.append(f"HTTP/{request.version}")
        status, fault = self._fault(request)
        headers = {"apns-id": request.headers.get("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b")}
        if fault:
            more = {"timestamp": 1_732_147_200_000} if status == 410 else {}
            return web.Response(status=status, text=reason(fault, **more), headers=headers | {"content-type": "application/json"})
        self.sent.append(request)
        self.taken.append(request.path.rpartition("/")[2])
        return web.Response(status=200, headers=headers)

    def _fault(self, request: TlsRequest) -> tuple[int, str]:
        if request.method != "POST":
            return 405, "MethodNotAllowed"
        if not request.path.startswith("/3/device/"):
            return 404, "BadPath"
        if fault := self._token_fault(request):
            return (429 if fault == "TooManyProviderTokenUpdates" else 403), fault
        if fault := _header_fault(request.headers):
            return 400, fault
        return _content_fault(request)

    def _token_fault(self, request: TlsRequest) -> str:
        """What is wrong with the provider token, or with how often it changes."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "bearer" or not token:
            return "MissingProviderToken"
        try:
            header = jwt.get_unverified_header(token)
            key = self.keys[header["kid"]]
            claims = jwt.decode(token, key, ["ES256"], issuer=TEAM, options={"require": ["iss", "iat"], "verify_iat": False})
        except (jwt.PyJWTError, KeyError):
            return "InvalidProviderToken"
        if token in self.stale or abs(time.time() - claims["iat"]) > 3600:
            return "ExpiredProviderToken"
        known = self.tokens.setdefault(request.connection, [])
        if known and jwt.get_unverified_header(known[0])["kid"] != header["kid"]:
            return "UnrelatedKeyIdInToken"
        if token not in known:
            known.append(token)
        return "TooManyProviderTokenUpdates" if len(known) > 2 else ""

    def missing(self, message: Message) -> list[str]:
        request, push = self.sent[-1], message.push
        payload, headers = json.loads(request.content), request.headers
        aps = payload["aps"]
        assert message.expires_at is not None
        expected: list[tuple[str, Any, Any]] = [
            ("title", aps["alert"]["title"], message.title),
            ("body", aps["alert"]["body"], message.body),
            ("image", (payload["carillon_image"], aps["mutable-content"]), (push.image, 1)),
            ("link", payload["carillon_link"], push.link),
            ("sound", aps["sound"], push.sound),
            ("badge", aps["badge"], push.badge),
            ("category", aps["category"], push.category),
            ("thread", aps["thread-id"], push.thread),
            ("collapse_key", headers["apns-collapse-id"], push.collapse_key),
            ("data", {name: payload[name] for name in push.data}, push.data),
            ("ref", payload["carillon_ref"], message.ref),
            ("expires_at", headers["apns-expiration"], str(message.expires_at // 1000)),
            ("priority", headers["apns-priority"], "10" if message.priority in ("critical", "high") else "5"),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _header_fault(headers: Any) -> str:
    if any(len(headers.getall(name)) > 1 for name in headers):
        return "DuplicateHeaders"
    if not headers.get("apns-topic"):
        return "MissingTopic"
    if headers["apns-topic"] != TOPIC:
        return "TopicDisallowed"
    if headers.get("apns-push-type") not in _TYPES:
        return "InvalidPushType"
    if headers.get("apns-priority", "10") not in ("10", "5", "1"):
        return "BadPriority"
    if not headers.get("apns-expiration", "0").isdigit() or len(headers.get("apns-expiration", "0")) > 10:
        return "BadExpirationDate"
    if not _UUID.fullmatch(headers.get("apns-id", "123e4567-e89b-12d3-a456-4266554400a0")):
        return "BadMessageId"
    return "BadCollapseId" if len(headers.get("apns-collapse-id", "").encode()) > 64 else ""


def _content_fault(request: TlsRequest) -> tuple[int, str]:
    token = request.path.removeprefix("/3/device/")
    if not token:
        return 400, "MissingDeviceToken"
    if not re.fullmatch("(?:[0-9a-f]{2})+", token):
        return 400, "BadDeviceToken"
    if token == GONE:
        return 410, "Unregistered"
    if not request.content:
        return 400, "PayloadEmpty"
    if len(request.content) > MAX_PAYLOAD:
        return 413, "PayloadTooLarge"
    aps = json.loads(request.content).get("aps", {})
    strange = [name for name, value in aps.items() if not isinstance(value, _APS.get(name, ()))]
    return (400, f"strange: {strange}") if strange or not aps.get("alert") else (200, "")
