"""The Messages API's request bodies: text message, MMS, WhatsApp. Pure.

https://developer.vonage.com/en/api/messages (v1). A number has no leading plus. MMS and WhatsApp messages carry one file, with the text as
its caption.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from providers.base import Message, Outcome, Rejected, Unsupported

SMS_CHARS, MMS_CHARS, WHATSAPP_CHARS, WHATSAPP_CAPTION_CHARS = 1000, 2000, 4096, 3000
SMS_TTL_S, MMS_TTL_S = (20, 604_800), (300, 259_200)
CLIENT_REF_CHARS = 100
VIDEOS = (".mp4", ".3gp", ".3gpp", ".mov", ".m4v")


class WhatsAppTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approved template. `name`: with its namespace and a colon; `variables`: the names of the data that are {{1}}, {{2}} and so on."""

    name: str
    locale: str
    variables: list[str] = []


def refusal(message: Message, whatsapp: bool, template: WhatsAppTemplate | None, name: str) -> Outcome | None:
    """Why the API can't have the message; None: it can."""
    media = message.sms.media
    if len(media) > 1 or (media and template):
        return Unsupported(f"{name} can't carry {len(media)} media files{' with a WhatsApp template' if template else ''}")
    if template:
        missing = [variable for variable in template.variables if not message.data.get(variable)]
        return Rejected("variables_missing", f"template {template.name} needs {', '.join(missing)}") if missing else None
    plain, captioned = (WHATSAPP_CHARS, WHATSAPP_CAPTION_CHARS) if whatsapp else (SMS_CHARS, MMS_CHARS)
    limit = captioned if media else plain
    return Rejected("too_long", f"{len(message.body)} characters, {limit} are allowed") if len(message.body) > limit else None


def body_of(message: Message, sender: str, whatsapp: bool, template: WhatsAppTemplate | None) -> dict[str, Any]:
    """Return the body, without where its status goes."""
    kind = "whatsapp" if whatsapp else "mms" if message.sms.media else "sms"
    body: dict[str, Any] = {"to": message.address.removeprefix("+"), "from": sender.removeprefix("+"), "channel": kind}
    if 0 < len(message.ref) <= CLIENT_REF_CHARS:
        body["client_ref"] = message.ref
    if message.expires_at is not None and not whatsapp:
        shortest, longest = MMS_TTL_S if message.sms.media else SMS_TTL_S
        body["ttl"] = min(longest, max(shortest, (message.expires_at - message.sent_at) // 1000))
    return body | (_template(message, template) if template else _content(message))


def _content(message: Message) -> dict[str, Any]:
    if not message.sms.media:
        return {"message_type": "text", "text": message.body}
    url = message.sms.media[0]
    kind = "video" if urlsplit(url).path.lower().endswith(VIDEOS) else "image"
    return {"message_type": kind, kind: {"url": url} | ({"caption": message.body} if message.body else {})}


def _template(message: Message, template: WhatsAppTemplate) -> dict[str, Any]:
    parameters = [message.data.get(name, "") for name in template.variables]
    return {
        "message_type": "template",
        "template": {"name": template.name} | ({"parameters": parameters} if parameters else {}),
        "whatsapp": {"policy": "deterministic", "locale": template.locale},
    }
