"""Which webhooks are taken, by the name in their URL: data in, parsers out.

config   feedback:
           sendgrid:                 # the last part of the URL: POST /v1/feedback/sendgrid
             kind: sendgrid          # a key of KINDS; optional where it is the name
             options: {verification_key: "${SENDGRID_VERIFICATION_KEY}"}
Options are the constructor's keyword arguments. Strings may hold ${NAME} or ${NAME:-default}; a secret may hold several, with white space
between, while it is exchanged.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from providers.errors import RegistryError
from providers.feedback.base import AnyParser
from providers.feedback.errors import BadSecret
from providers.feedback.mailgun import Mailgun
from providers.feedback.postmark import PostmarkWebhooks
from providers.feedback.sendgrid import SendGridEvents
from providers.feedback.ses import SesEvents
from providers.feedback.slack import Slack
from providers.feedback.standard import StandardWebhooks
from providers.feedback.twilio import TwilioCallbacks
from providers.feedback.vonage import VonageWebhooks
from providers.options import make

Kinds = Mapping[str, Callable[..., AnyParser]]
KINDS: Kinds = {
    "mailgun": Mailgun,
    "postmark": PostmarkWebhooks,
    "sendgrid": SendGridEvents,
    "ses": SesEvents,
    "slack": Slack,
    "standard": StandardWebhooks,
    "twilio": TwilioCallbacks,
    "vonage": VonageWebhooks,
}

Parsers = dict[str, AnyParser]  # by name in the URL


class _Line(Struct, forbid_unknown_fields=True):
    kind: str = ""
    options: dict[str, Any] = {}


def load(config: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> Parsers:
    """Return the parser of each name. Raises RegistryError that says what is wrong, and where; never what a secret is."""
    parsers: Parsers = {}
    for name, entry in config.items():
        where = f"feedback.{name}"
        try:
            line = msgspec.convert(entry, _Line)
        except msgspec.ValidationError as error:
            raise RegistryError(f"{where}: {error}") from error
        kind = line.kind or name
        if kind not in KINDS:
            raise RegistryError(f"{where}.kind: no {kind!r}; there are {', '.join(sorted(KINDS))}")
        try:
            parsers[name] = make(f"{where}.options", KINDS[kind], {"name": name} | line.options, variables or {})
        except BadSecret as error:
            raise RegistryError(f"{where}.options: {error}") from None
    return parsers
