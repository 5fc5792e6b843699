"""Twilio's form, of which names and values are signed, but not where one ends and the next begins. Pure.

What is signed is one text, `AccountSidAC...ApiVersion2010-04-01ErrorCode30005...`, and `ErrorCode=30005` could just as well have come as
the end of the value before it, or as `ErrorCode3=0005`. So what means something is read from that text, by the documented forms alone, and
the form must say the same: however a text is cut, it says one thing. «Twilio will occasionally add new parameters without advance notice»:
they are passed over.
"""

import re
from collections.abc import Mapping

from providers.feedback.errors import Malformed

_SID = "[A-Z]{2}[0-9a-fA-F]{32}"
_PERSON = r"(?:[a-z]+:)?(?:\+?[0-9a-z._-]{1,64}|[A-Z]{2}(?:\.ENT)?\.[0-9]{1,64})"  # the latter: a user id of WhatsApp
FIRST = "AccountSid"
"""No parameter is before it: there the URL ends, which is signed in front."""

_STATUS = re.compile(
    rf"AccountSid(?P<AccountSid>{_SID})(?P<early>.*?)MessageSid(?P<MessageSid>{_SID}).*?MessageStatus(?P<MessageStatus>[a-z]+)(?P<late>.*)",
    re.ASCII | re.DOTALL,
)
_INBOUND = re.compile(
    rf"AccountSid(?P<AccountSid>{_SID})(?P<early>.*)From(?P<From>{_PERSON})(?![0-9a-z]).*?MessageSid(?P<MessageSid>{_SID})(?P<late>.*)",
    re.ASCII | re.DOTALL,
)
_TO = re.compile(rf"To(?P<To>{_PERSON})(?=[A-Z]|\Z)", re.ASCII)
_ERROR = re.compile("ErrorCode(?P<ErrorCode>[0-9]{1,6})(?![0-9])", re.ASCII)
_OPT_OUT = re.compile("OptOutType(?P<OptOutType>STOP|START|HELP)")
_BUTTON = re.compile("ButtonPayload|ButtonText")
"""WhatsApp's buttons: they come after the text, and say it in other words."""


def signed_text(form: Mapping[str, str]) -> str:
    """Return what is signed of a form, after the URL."""
    return "".join(name + form[name] for name in sorted(form))


def values_of(url: str, form: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that mean something, and `Body`: the text of a message. Raises Malformed when the form says anything else."""
    text = signed_text(form)
    found = _status(text) or _inbound(text)
    if found is None or FIRST in url or not found.keys() <= form.keys():
        raise Malformed("not a callback of a message: a parameter is missing, or has not the documented form")
    optional = {"ErrorCode"} if "MessageStatus" in found else {"OptOutType"}
    if any(form[name] != value for name, value in found.items() if name != "Body") or (optional & form.keys()) - found.keys():
        raise Malformed("where a parameter ends is not certain")
    return found


def _status(text: str) -> dict[str, str] | None:
    match = _STATUS.fullmatch(text)
    if match is None or not (last := list(_TO.finditer(match["late"]))):
        return None
    error = _ERROR.search(match["early"])
    found = {name: match[name] for name in ("AccountSid", "MessageSid", "MessageStatus")}
    return found | last[-1].groupdict() | (error.groupdict() if error else {})


def _inbound(text: str) -> dict[str, str] | None:
    match = _INBOUND.fullmatch(text)
    if match is None or "Body" not in match["early"]:
        return None
    body = _BUTTON.split(match["early"].partition("Body")[2])[0]
    opt_out = _OPT_OUT.search(match["late"])
    found = {name: match[name] for name in ("AccountSid", "From", "MessageSid")}
    return found | {"Body": body} | (opt_out.groupdict() if opt_out else {})
