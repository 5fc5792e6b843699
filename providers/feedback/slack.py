"""Slack: requests signed with the app's signing secret.

https://docs.slack.dev/authentication/verifying-requests-from-slack (HMAC-SHA256 of `v0:<timestamp>:<body>`, hexadecimal, `v0=` before it;
older than five minutes is a replay) and https://docs.slack.dev/apis/events-api (url_verification, event_callback, retries with the same
event_id). Slack tells no delivery: what comes are events, commands and interactions, kept as `other:<type>`.
"""

from typing import Any

from providers.feedback.base import Challenge, Heard, Reading, Request
from providers.feedback.errors import Malformed
from providers.feedback.reading import at, form_of, json_object, ms_of_seconds, text_at
from providers.feedback.signing import check_age, check_mac, digest, encoded, header, hmac_hex, seconds, secrets_of
from providers.secret import Secret


class Slack:
    """Requests of one Slack app: Events API, slash commands, interactions."""

    def __init__(self, signing_secret: Secret, *, name: str = "slack", channel: str = "chat", tolerance_s: int = 300) -> None:
        """`signing_secret`: of the app; several, with white space between, while it is exchanged."""
        self.name, self.channel, self.tolerance_s = name, channel, tolerance_s
        self._secret = signing_secret

    def parse(self, request: Request, now: int) -> Reading:
        """Return what Slack says; a `Challenge` when it asks whether the URL is ours. Raises FeedbackRefused."""
        written = header(request, "X-Slack-Request-Timestamp")
        signature = header(request, "X-Slack-Signature")
        signed = b"v0:%s:%s" % (encoded(written), request.body)
        check_mac([signature], ["v0=" + hmac_hex(secret, signed) for secret in secrets_of(self._secret)])
        check_age(seconds(written, "X-Slack-Request-Timestamp"), now, self.tolerance_s)
        content = digest(request.body)
        said = _said(request.body)
        if said.get("type") == "url_verification":
            return Reading(content.hex(), content, answer=Challenge(text_at(said, "challenge")))
        heard = self._heard(said, request.body, now)
        return Reading(heard.event_id or content.hex(), content, (heard,))

    def _heard(self, said: dict[str, Any], body: bytes, now: int) -> Heard:
        event = at(said, "event") or said
        return Heard(
            provider=self.name,
            kind=f"other:{(text_at(event, 'type') or text_at(said, 'command') or 'unnamed')[:100]}",
            ref=text_at(event, "metadata", "event_payload", "ref") or text_at(said, "message", "metadata", "event_payload", "ref"),
            provider_message_id=text_at(event, "item", "ts") or text_at(event, "ts") or text_at(said, "message", "ts"),
            address=text_at(event, "channel") or text_at(event, "channel", "id") or text_at(said, "channel_id"),
            occurred_at=ms_of_seconds(at(said, "event_time"), now),
            event_id=text_at(said, "event_id") or digest(body).hex(),
            raw=body,
        )


def _said(body: bytes) -> dict[str, Any]:
    """JSON of the Events API, the JSON in the field `payload` of an interaction, or the form of a command. Raises Malformed."""
    if body.lstrip()[:1] == b"{":
        return json_object(body)
    form = form_of(body)
    if not form:
        raise Malformed("the body is empty")
    return json_object(form["payload"]) if "payload" in form else dict(form)
