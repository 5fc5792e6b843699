"""Which webhooks are taken, by the name in their URL, and which events are fetched: data in, parsers and feeds out.

config   feedback:
           sendgrid:                 # the last part of the URL: POST /v1/feedback/sendgrid
             kind: sendgrid          # a key of KINDS; optional where it is the name
             options: {verification_key: "${SENDGRID_VERIFICATION_KEY}"}
         polled:
           mailgun: {options: {api_key: "${MAILGUN_API_KEY}", domain: mg.example.com}}   # a key of FEEDS
         asked:
           postmark: {options: {server_token: "${POSTMARK_SERVER_TOKEN}"}}   # a key of INQUIRIES
Options are the constructor's keyword arguments. Strings may hold ${NAME} or ${NAME:-default}; a secret may hold several, with white space
between, while it is exchanged.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from providers.errors import RegistryError
from providers.feedback.asked import Inquiry
from providers.feedback.base import AnyParser
from providers.feedback.errors import BadSecret
from providers.feedback.mailgun import Mailgun
from providers.feedback.mailgun_events import MailgunEvents
from providers.feedback.polled import Feed
from providers.feedback.postmark import PostmarkWebhooks
from providers.feedback.postmark_search import PostmarkSearch
from providers.feedback.sendgrid import SendGridEvents
from providers.feedback.ses import SesEvents
from providers.feedback.slack import Slack
from providers.feedback.standard import StandardWebhooks
from providers.feedback.twilio import TwilioCallbacks
from providers.feedback.vonage import VonageWebhooks
from providers.options import make

T = TypeVar("T")

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

FEEDS: Mapping[str, Callable[..., Feed]] = {"mailgun": MailgunEvents}

INQUIRIES: Mapping[str, Callable[..., Inquiry]] = {"postmark": PostmarkSearch}

Feeds = dict[str, Feed]
Inquiries = dict[str, Inquiry]  # by name of the provider
Parsers = dict[str, AnyParser]  # by name in the URL


class _Line(Struct, forbid_unknown_fields=True):
    kind: str = ""
    options: dict[str, Any] = {}


def load(config: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> Parsers:
    """Return the parser of each name. Raises RegistryError that says what is wrong, and where; never what a secret is."""
    return {name: _made(f"feedback.{name}", name, entry, KINDS, variables or {}) for name, entry in config.items()}


def load_feeds(config: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> Feeds:
    """Return the feed of each name. Raises RegistryError likewise."""
    return {name: _made(f"polled.{name}", name, entry, FEEDS, variables or {}) for name, entry in config.items()}


def load_inquiries(config: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> Inquiries:
    """Return who can be asked, by name. Raises RegistryError likewise."""
    return {name: _made(f"asked.{name}", name, entry, INQUIRIES, variables or {}) for name, entry in config.items()}


def _made(where: str, name: str, entry: Any, kinds: Mapping[str, Callable[..., T]], variables: Mapping[str, str]) -> T:
    try:
        line = msgspec.convert(entry, _Line)
    except msgspec.ValidationError as error:
        raise RegistryError(f"{where}: {error}") from error
    kind = line.kind or name
    if kind not in kinds:
        raise RegistryError(f"{where}.kind: no {kind!r}; there are {', '.join(sorted(kinds))}")
    try:
        return make(f"{where}.options", kinds[kind], {"name": name} | line.options, variables)
    except BadSecret as error:
        raise RegistryError(f"{where}.options: {error}") from None
