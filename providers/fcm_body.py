"""FCM's request body: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages. Pure.

Only the block of the device's platform is sent. What the platform has no field for is in `data` (`providers.push`).
"""

import re
from typing import Any

import msgspec

from providers.apns_body import SHOWN as SHOWN_BY_IOS
from providers.apns_body import aps_of, headers_of
from providers.base import Message
from providers.push import for_the_app, is_https, is_urgent, left_s
from providers.web_push_headers import headers_of as web_headers_of

MAX_TTL_S = 2_419_200
"""4 weeks."""
_LABEL = re.compile(r"[a-zA-Z0-9\-_.~%]{1,50}")
"""https://firebase.google.com/docs/cloud-messaging/understand-delivery: few labels, so the category, and not the message."""


def body_of(message: Message) -> bytes:
    """Return the JSON of one message."""
    block, shown = _BLOCKS.get(message.platform, _android)(message)
    told = _filled(
        notification=_filled(title=message.title, body=message.body, image=message.push.image),
        data=for_the_app(message, shown | {"image"}),
        fcm_options={"analytics_label": message.category} if _LABEL.fullmatch(message.category) else {},
    )
    return msgspec.json.encode({"message": {"token": message.address, **told, **block}})


def _android(message: Message) -> tuple[dict[str, Any], frozenset[str]]:
    """A badge is the number of what the notification stands for; a tag takes the place of a notification that is shown already."""
    push, ttl_s = message.push, left_s(message, MAX_TTL_S)
    notification = _filled(
        channel_id=push.android_channel,
        sound=push.sound,
        click_action=push.category,
        tag=push.collapse_key,
        notification_count=push.badge,
    )
    block = _filled(
        priority="HIGH" if is_urgent(message) else "NORMAL",
        ttl=None if ttl_s is None else f"{ttl_s}s",
        collapse_key=push.collapse_key,
        notification=notification,
    )
    return {"android": block}, frozenset({"sound", "category", "collapse_key", "badge"})


def _ios(message: Message) -> tuple[dict[str, Any], frozenset[str]]:
    options = _filled(image=message.push.image)
    return {"apns": _filled(headers=headers_of(message), payload={"aps": aps_of(message)}, fcm_options=options)}, SHOWN_BY_IOS


def _web(message: Message) -> tuple[dict[str, Any], frozenset[str]]:
    """Browsers open no link but https; another one is the app's."""
    push = message.push
    link = push.link if is_https(push.link) else ""
    notification = _filled(title=message.title, body=message.body, image=push.image, tag=push.collapse_key)
    block = _filled(headers=web_headers_of(message, MAX_TTL_S), notification=notification, fcm_options=_filled(link=link))
    return {"webpush": block}, frozenset({"collapse_key", "link"} if link else {"collapse_key"})


_BLOCKS = {"android": _android, "ios": _ios, "web": _web}


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None, {})}
