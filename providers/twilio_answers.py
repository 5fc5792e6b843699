"""How Twilio's answers read: a Message resource, or an error with a code. Pure."""

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Outcome, Rejected
from providers.codes import outcome_of
from providers.statuses import by_status, retry_after_ms
from providers.twilio_codes import CODES


class Created(msgspec.Struct):
    """What of the Message resource counts here."""

    sid: str
    status: str = ""
    error_code: int | None = None
    error_message: str | None = None


class Refusal(msgspec.Struct):
    """https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions"""

    code: int | None = None
    message: str = ""


def created(response: httpx.Response) -> Outcome:
    """Return the outcome of a message that is there now; it can have failed at once."""
    message = read(response, Created)
    if message is None:
        return unreadable(response)
    if message.status not in ("failed", "undelivered", "canceled"):
        return Accepted(message.sid)
    says = message.error_message or ""
    code = CODES.get(message.error_code or 0)
    return outcome_of(code, says) if code else Rejected(f"twilio_{message.error_code}", says)


def refused(response: httpx.Response) -> Outcome:
    """Return what an error says: its code if we know it, else its status."""
    refusal = read(response, Refusal)
    if refusal is None:
        return by_status(response)
    code = CODES.get(refusal.code or 0)
    if code is None:
        return by_status(response)
    return outcome_of(code, f"{refusal.code} {refusal.message}"[:300], retry_after_ms(response))
