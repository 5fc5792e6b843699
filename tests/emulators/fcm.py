"""FCM's HTTP v1 API, as https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages describes it, and Google's token
endpoint (https://developers.google.com/identity/protocols/oauth2/service-account#httprest).
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from providers.base import Message
from tests.emulators.server import Emulator, Refusal, blames_us, ends_the_address, is_down, leaves_open, rejects, throttles

PROJECT = "myproject-b5ae1"
TOKEN_URI = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
ACCOUNT = "push@myproject-b5ae1.iam.gserviceaccount.com"
GONE = "gone:APA91b"
_TOKEN = re.compile(r"\w+:APA91b[\w-]*")

_TEXT, _COUNT = str, int
_DATA = {"*": _TEXT}
_NOTIFICATION = {"title": _TEXT, "body": _TEXT, "image": _TEXT}
_LABEL = re.compile(r"[a-zA-Z0-9-_.~%]{1,50}")
_SHAPE: dict[str, Any] = {
    "token": _TEXT,
    "notification": _NOTIFICATION,
    "data": _DATA,
    "fcm_options": {"analytics_label": _LABEL},
    "android": {
        "collapse_key": _TEXT,
        "priority": re.compile("NORMAL|HIGH"),
        "ttl": re.compile(r"\d+(\.\d{1,9})?s"),
        "data": _DATA,
        "notification": {
            **_NOTIFICATION,
            "channel_id": _TEXT,
            "sound": _TEXT,
            "click_action": _TEXT,
            "tag": _TEXT,
            "notification_count": _COUNT,
        },
    },
    "apns": {"headers": _DATA, "payload": dict, "fcm_options": {"image": _TEXT, "analytics_label": _LABEL}},
    "webpush": {"headers": _DATA, "data": _DATA, "notification": dict, "fcm_options": {"link": re.compile("https://.+")}},
}
"""The fields of a message that we know of; others are refused, as by FCM."""


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """A key pair of this process."""
    return rsa.generate_private_key(65537, 2048)


def key_file(name: str) -> str:
    """The JSON of a service account's key, as Google hands it out."""
    pem = private_key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": f"id-of-{name}",
            "private_key": pem,
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": TOKEN_URI,
        }
    )


def error(code: int, status: str, message: str, *details: dict[str, Any]) -> str:
    told = {"code": code, "message": message, "status": status}
    return json.dumps({"error": told | ({"details": list(details)} if details else {})})


def fcm_error(code: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}


def bad_request(field: str, description: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field, "description": description}]}


CREDENTIALS = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid credential."
NOT_A_TOKEN = "The registration token is not a valid FCM registration token"
WRONG_TYPE = "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"


class FcmEmulator(Emulator):
    refusals = {
        "wrong type": Refusal(400, error(400, "INVALID_ARGUMENT", WRONG_TYPE, bad_request("message.data[0].value", WRONG_TYPE)), rejects),
        "invalid token": Refusal(400, error(400, "INVALID_ARGUMENT", NOT_A_TOKEN, fcm_error("INVALID_ARGUMENT")), ends_the_address),
        "too big": Refusal(400, error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."), rejects),
        "unauthenticated": Refusal(401, error(401, "UNAUTHENTICATED", CREDENTIALS), blames_us),
        "third party": Refusal(
            401, error(401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service", fcm_error("THIRD_PARTY_AUTH_ERROR")), blames_us
        ),
        "permission": Refusal(403, error(403, "PERMISSION_DENIED", "The caller does not have permission"), blames_us),
        "sender": Refusal(403, error(403, "PERMISSION_DENIED", "SenderId mismatch", fcm_error("SENDER_ID_MISMATCH")), rejects),
        "project": Refusal(404, error(404, "NOT_FOUND", "Requested entity was not found."), blames_us),
        "unregistered": Refusal(
            404, error(404, "NOT_FOUND", "Requested entity was not found.", fcm_error("UNREGISTERED")), ends_the_address
        ),
        "quota": Refusal(429, error(429, "RESOURCE_EXHAUSTED", "Quota exceeded", fcm_error("QUOTA_EXCEEDED")), throttles),
        "internal": Refusal(500, error(500, "INTERNAL", "Internal error encountered.", fcm_error("INTERNAL")), is_down),
        "bad gateway": Refusal(502, "<!DOCTYPE html>\n<title>Error 502 (Server Error)!!1</title>", is_down, {"content-type": "text/html"}),
        "unavailable": Refusal(503, error(503, "UNAVAILABLE", "The service is currently unavailable.", fcm_error("UNAVAILABLE")), is_down),
        "overloaded": Refusal(503, error(503, "UNAVAILABLE", "Overloaded", fcm_error("UNAVAILABLE")), throttles, {"retry-after": "30"}),
        "unspecified": Refusal(500, error(500, "UNKNOWN", "", fcm_error("UNSPECIFIED_ERROR")), leaves_open),
    }

    def __init__(self) -> None:
        super().__init__()
        self.granted: list[str] = []
        self.revoked: set[str] = set()
        self.bodies: list[dict[str, Any]] = []

    async def is_sign_in(self, request: web.BaseRequest) -> bool:
        return request.path == "/token"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST" and request.path == "/token":
            return self._grant(dict(await request.post()))
        if (request.method, request.path) != ("POST", f"/v1/projects/{PROJECT}/messages:send"):
            return web.Response(status=404, text=error(404, "NOT_FOUND", "Requested entity was not found."))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.granted or token in self.revoked:
            return web.Response(status=401, text=error(401, "UNAUTHENTICATED", CREDENTIALS))
        return self._send(json.loads(await request.read()))

    def _grant(self, form: dict[str, Any]) -> web.Response:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return web.json_response({"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}, status=400)
        try:
            claims = jwt.decode(
                form["assertion"], private_key("right").public_key(), ["RS256"], audience=TOKEN_URI, issuer=ACCOUNT, leeway=10
            )
        except jwt.InvalidSignatureError:
            return web.json_response({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, status=400)
        except jwt.PyJWTError as fault:
            return web.json_response({"error": "invalid_grant", "error_description": f"Invalid JWT: {fault}"}, status=400)
        if claims["scope"] != SCOPE or not 0 < claims["exp"] - claims["iat"] <= 3600:
            return web.json_response({"error": "invalid_scope", "error_description": "Invalid scope or lifetime"}, status=400)
        self.granted.append(f"ya29.{len(self.granted)}")
        return web.json_response({"access_token": self.granted[-1], "expires_in": 3599, "token_type": "Bearer"})

    def _send(self, body: dict[str, Any]) -> web.Response:
        message = body.get("message", {})
        if found := list(_violations(message, _SHAPE, "message")):
            text = f"Invalid value at '{found[0]}'"
            return web.Response(status=400, text=error(400, "INVALID_ARGUMENT", text, bad_request(found[0], text)))
        if not message.get("token"):
            text = "Recipient of the message is not set."
            details = bad_request("message", text), fcm_error("INVALID_ARGUMENT")
            return web.Response(status=400, text=error(400, "INVALID_ARGUMENT", text, *details))
        if not _TOKEN.fullmatch(message["token"]):
            return web.Response(status=400, text=error(400, "INVALID_ARGUMENT", NOT_A_TOKEN, fcm_error("INVALID_ARGUMENT")))
        if message["token"] == GONE:
            return web.Response(status=404, text=error(404, "NOT_FOUND", "Requested entity was not found.", fcm_error("UNREGISTERED")))
        self.bodies.append(message)
        self.taken.append(message["token"])
        return web.json_response({"name": f"projects/{PROJECT}/messages/0:{len(self.taken)}%31bd1c9631bd1c96"})

    def missing(self, message: Message) -> list[str]:
        """Of an Android device."""
        told, push = self.bodies[-1], message.push
        android, shown = told["android"], told["android"]["notification"]
        assert message.expires_at is not None
        expected: list[tuple[str, Any, Any]] = [
            ("title", told["notification"]["title"], message.title),
            ("body", told["notification"]["body"], message.body),
            ("image", told["notification"]["image"], push.image),
            ("link", told["data"]["carillon_link"], push.link),
            ("sound", shown["sound"], push.sound),
            ("badge", shown["notification_count"], push.badge),
            ("category", shown["click_action"], push.category),
            ("thread", told["data"]["carillon_thread"], push.thread),
            ("android_channel", shown["channel_id"], push.android_channel),
            ("collapse_key", (android["collapse_key"], shown["tag"]), (push.collapse_key, push.collapse_key)),
            ("data", {name: told["data"][name] for name in push.data}, push.data),
            ("ref", told["data"]["carillon_ref"], message.ref),
            ("expires_at", android["ttl"], f"{(message.expires_at - message.sent_at) // 1000}s"),
            ("priority", android["priority"], "HIGH" if message.priority in ("critical", "high") else "NORMAL"),
        ]
        return [name for name, arrived, wanted in expected if arrived != wanted]


def _violations(value: Any, shape: Any, path: str) -> Iterator[str]:
    """The fields of a value that are unknown, or not of their shape."""
    if isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            yield path
    elif isinstance(shape, type):
        if not isinstance(value, shape):
            yield path
    elif not isinstance(value, dict):
        yield path
    else:
        for name, inner in value.items():
            if name in shape or "*" in shape:
                yield from _violations(inner, shape.get(name, shape.get("*")), f"{path}.{name}")
            else:
                yield f"{path}.{name}"
