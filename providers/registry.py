"""Which providers there are, by channel: data in, providers out.

config   channels:
           email:
             - kind: sandbox_batch          # a key of KINDS; one line there is all that a new provider needs here
               name: sandbox-email          # optional; unique
               weight: 1                    # optional: its share of the channel's messages; 0: only when no other can
               options: {base_url: "${SANDBOX_URL}", batch_size: 1000}
           push:
             - name: native                 # a route whose messages go to the provider of the device's platform (`providers.platforms`)
               by_platform:
                 ios: {kind: apns, options: {...}}
                 android: {kind: fcm, options: {...}}
Strings may hold ${NAME} or ${NAME:-default}; the values are given by the caller, so secrets stay out of the file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from msgspec import Meta, Struct

from providers.apns import Apns
from providers.base import AnyProvider, OneProvider, names_of
from providers.errors import DeclarationError, RegistryError
from providers.fcm import Fcm
from providers.inbox import Inbox
from providers.mailgun import Mailgun
from providers.options import make
from providers.platforms import Platforms
from providers.postmark import Postmark
from providers.sandbox import SandboxBatch, SandboxSingle
from providers.sendgrid import SendGrid
from providers.ses import Ses
from providers.slack import Slack
from providers.smtp import Smtp
from providers.sns import Sns
from providers.teams import Teams
from providers.twilio import Twilio
from providers.vonage import Vonage
from providers.web_push import WebPush
from providers.webhook import Webhook

T = TypeVar("T")
Kinds = Mapping[str, Callable[..., OneProvider]]
KINDS: Kinds = {
    "apns": Apns,
    "fcm": Fcm,
    "inbox": Inbox,
    "mailgun": Mailgun,
    "postmark": Postmark,
    "sandbox_batch": SandboxBatch,
    "sandbox_single": SandboxSingle,
    "sendgrid": SendGrid,
    "ses": Ses,
    "smtp": Smtp,
    "slack": Slack,
    "teams": Teams,
    "twilio": Twilio,
    "vonage": Vonage,
    "webhook": Webhook,
    "web_push": WebPush,
    "sns": Sns,
}
DEFAULT = Path(__file__).with_name("config") / "default.yaml"


class Route(Struct, frozen=True):
    """A provider a channel may use, and its share of the traffic."""

    provider: AnyProvider
    weight: int = 1


class _Part(Struct, forbid_unknown_fields=True):
    kind: str
    name: str = ""
    options: dict[str, Any] = {}


class _Line(_Part, forbid_unknown_fields=True, kw_only=True):
    weight: Annotated[int, Meta(ge=0)] = 1


class _Divided(Struct, forbid_unknown_fields=True):
    by_platform: dict[str, _Part]
    name: str = ""
    weight: Annotated[int, Meta(ge=0)] = 1


class _Config(Struct, forbid_unknown_fields=True):
    channels: dict[str, list[Any]]


Registry = dict[str, dict[str, Route]]  # channel -> provider name -> route


def load(config: Mapping[str, Any], variables: Mapping[str, str] | None = None, *, kinds: Kinds | None = None) -> Registry:
    """Return channel -> provider name -> route. Raises RegistryError that says what is wrong, and where."""
    registry: Registry = {}
    taken: set[str] = set()
    for channel, entries in _convert("providers", config, _Config).channels.items():
        if not entries:
            raise RegistryError(f"channels.{channel}: no provider")
        registry[channel] = _routes(channel, entries, variables or {}, KINDS if kinds is None else kinds)
        names = [name for route in registry[channel].values() for name in names_of(route.provider)]
        if twice := taken.intersection(names):
            raise RegistryError(f"channels.{channel}: the name {min(twice)!r} is taken")
        taken.update(names)
    return registry


def load_file(path: Path = DEFAULT, variables: Mapping[str, str] | None = None) -> Registry:
    """Return what a YAML file describes. Raises RegistryError that names the file."""
    try:
        return load(yaml.safe_load(path.read_text(encoding="utf-8")), variables)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RegistryError) as error:
        raise RegistryError(f"{path}: {error}") from error


def routes_of(registry: Registry, channel: str) -> Mapping[str, Route]:
    """Return the providers of a channel by name. Raises RegistryError for a channel that has none."""
    if channel not in registry:
        raise RegistryError(f"no provider for channel {channel!r}; there are {', '.join(sorted(registry))}")
    return registry[channel]


def _convert(where: str, value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RegistryError(f"{where}: {error}") from error


def _routes(channel: str, entries: list[Any], variables: Mapping[str, str], kinds: Kinds) -> dict[str, Route]:
    routes: dict[str, Route] = {}
    taken: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"channels.{channel}[{index}]"
        route = _route(where, channel, entry, variables, kinds)
        for name in names_of(route.provider):
            if name in taken:
                raise RegistryError(f"{where}: the name {name!r} is taken")
            taken.add(name)
        routes[route.provider.declaration.name] = route
    return routes


def _route(where: str, channel: str, entry: Any, variables: Mapping[str, str], kinds: Kinds) -> Route:
    if isinstance(entry, dict) and "by_platform" in entry:
        divided = _convert(where, entry, _Divided)
        return Route(_platforms(where, channel, divided, variables, kinds), divided.weight)
    line = _convert(where, entry, _Line)
    return Route(_provider(where, channel, line, variables, kinds), line.weight)


def _platforms(where: str, channel: str, line: _Divided, variables: Mapping[str, str], kinds: Kinds) -> Platforms:
    if channel != "push":
        raise RegistryError(f"{where}: there are platforms on push alone")
    where = f"{where}.by_platform"
    parts = {name: _provider(f"{where}.{name}", channel, part, variables, kinds) for name, part in line.by_platform.items()}
    try:
        return Platforms(channel, parts, name=line.name or "platforms")
    except DeclarationError as error:
        raise RegistryError(f"{where}: {error}") from error


def _provider(where: str, channel: str, line: _Part, variables: Mapping[str, str], kinds: Kinds) -> OneProvider:
    if line.kind not in kinds:
        raise RegistryError(f"{where}.kind: no {line.kind!r}; there are {', '.join(sorted(kinds))}")
    named = {"name": line.name} if line.name else {}
    return make(f"{where}.options", kinds[line.kind], line.options | named | {"channel": channel}, variables)
