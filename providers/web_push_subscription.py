"""A browser's push subscription, as `JSON.stringify(subscription)` gives it (https://www.w3.org/TR/push-api/#dom-pushsubscription). Pure.

{"endpoint": "https://fcm.googleapis.com/fcm/send/...", "keys": {"p256dh": "...", "auth": "..."}}; other members are left alone.

The endpoint is a URL that strangers give us, and we send requests to it from inside our network. So only push services that are known by
name are asked: an address, a name of the inside, or a public name that resolves to an address of the inside is none of them. What a URL is
is read by one strict pattern, so that no other reader of it (httpx, Rust's url) sees another host in it.
"""

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from providers.web_push_crypto import AUTH_BYTES, CURVE, POINT_BYTES, decoded

PUSH_SERVICES = ("fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com")
"""Chrome, Opera, Samsung and most others; Firefox; Safari; Edge."""
MAX_CHARS = 4096
_URL = re.compile(r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::[0-9]{1,5})?/[!-\[\]-~]*", re.IGNORECASE)
"""ASCII without spaces and backslashes; nobody signs in by it."""


class Subscription(NamedTuple):
    """Where to send, and for whom to encrypt. `endpoint` is as good as a password: who has it can reach the browser."""

    endpoint: str
    host: str
    receiver: ec.EllipticCurvePublicKey
    auth: bytes

    def __repr__(self) -> str:
        return f"Subscription({self.host})"


Fault: TypeAlias = str
"""Why an address is no subscription; nothing of it."""


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Told(msgspec.Struct):
    endpoint: str
    keys: _Keys


@lru_cache(maxsize=1024)
def subscription_of(address: str) -> Subscription | Fault:
    """Return what the text says. The last ones are remembered: each is asked for twice, before the request and for it."""
    if len(address) > MAX_CHARS:
        return f"longer than {MAX_CHARS} characters"
    try:
        told = msgspec.json.decode(address, type=_Told)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "is not the JSON of a PushSubscription"
    if (url := _URL.fullmatch(told.endpoint)) is None:
        return "the endpoint is no https URL"
    try:
        receiver, auth = decoded(told.keys.p256dh), decoded(told.keys.auth)
        if len(receiver) != POINT_BYTES or len(auth) != AUTH_BYTES:
            return "its keys are not as long as they should be"
        return Subscription(told.endpoint, url[1].lower(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, receiver), auth)
    except ValueError:
        return "its keys are none"


def is_among(host: str, services: tuple[str, ...]) -> bool:
    """Whether a host is one of the services, or a name under one."""
    return any(host == service or host.endswith(f".{service}") for service in services)
