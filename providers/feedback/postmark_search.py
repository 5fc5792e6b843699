"""Postmark: its search of outbound messages, asked by our reference.

https://postmarkapp.com/developer/api/messages-api#outbound-message-search: GET, the server's token, `count` and `offset`,
`messagestream`, and `metadata_color=blue` for what a message was sent with as `Metadata`; messages are kept for 45 days, if nothing else
was agreed. One that is there was taken, whatever became of it later: that is told by webhooks. Not verified: no account was tried, nor
how soon a message is found.
"""

import httpx
import msgspec

from providers.feedback.base import Heard
from providers.feedback.polled import PageRefused
from providers.feedback.reading import code, ms_of_iso
from providers.secret import Secret
from providers.statuses import retry_after_ms


class Message(msgspec.Struct, rename="pascal"):
    """One that was taken. Times are ISO 8601."""

    status: str = ""
    received_at: str = ""
    metadata: dict[str, str] = {}
    recipients: list[str] = []
    message_id: str = msgspec.field(default="", name="MessageID")


class Answer(msgspec.Struct, rename="pascal"):
    """Those that were found."""

    messages: list[Message]


_decode = msgspec.json.Decoder(Answer).decode


class PostmarkSearch:
    """Messages of one server's stream."""

    def __init__(
        self,
        server_token: Secret,
        *,
        stream: str = "outbound",
        name: str = "postmark",
        channel: str = "email",
        base_url: str = "https://api.postmarkapp.com",
    ) -> None:
        """`server_token`, `stream`: those that messages are sent with."""
        self.name, self.channel = name, channel
        self._server_token, self._stream, self._url = server_token, stream, f"{base_url}/messages/outbound"

    def request(self, ref: str) -> httpx.Request:
        """Return the search for one message."""
        headers = {"accept": "application/json", "x-postmark-server-token": self._server_token.reveal()}
        asked = {"count": "1", "offset": "0", "messagestream": self._stream, "metadata_ref": ref}
        return httpx.Request("GET", self._url, params=asked, headers=headers)

    def parse(self, ref: str, response: httpx.Response, now: int) -> Heard | None:
        """Return `accepted` when it was found. Raises PageRefused."""
        if response.status_code != 200:
            raise PageRefused(f"HTTP {response.status_code}", retry_after_ms(response) or 0)
        try:
            found = _decode(response.content).messages
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise PageRefused("the answer can't be read") from None
        for message in found:
            if message.metadata.get("ref") == ref and message.message_id:
                return self._heard(ref, message, response.content, now)
        return None

    def _heard(self, ref: str, message: Message, raw: bytes, now: int) -> Heard:
        return Heard(
            provider=self.name,
            kind="accepted",
            ref=ref,
            provider_message_id=message.message_id,
            address=message.recipients[0] if len(message.recipients) == 1 else "",
            reason=code(message.status),
            detail="asked",
            occurred_at=ms_of_iso(message.received_at, now),
            event_id=f"asked/{message.message_id}",
            raw=raw,
        )
