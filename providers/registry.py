"""Which providers there are, by channel: data in, providers out.

config   channels:
           email:
             - kind: sandbox_batch          # a key of KINDS; one line there is all that a new provider needs here
               name: sandbox-email          # optional; unique
               weight: 1                    # optional: its share of the channel's messages; 0: only when no other can
               options: {base_url: "${SANDBOX_URL}", batch_size: 1000}
Strings may hold ${NAME} or ${NAME:-default}; the values are given by the caller, so secrets stay out of the file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from msgspec import Meta, Struct

from providers.base import AnyProvider
from providers.errors import RegistryError
from providers.inbox import Inbox
from providers.options import make
from providers.sandbox import SandboxBatch, SandboxSingle

T = TypeVar("T")
Kinds = Mapping[str, Callable[..., AnyProvider]]
KINDS: Kinds = {
    "inbox": Inbox,
    "sandbox_batch": SandboxBatch,
    "sandbox_single": SandboxSingle,
}
DEFAULT = Path(__file__).with_name("config") / "default.yaml"


class Route(Struct, frozen=True):
    """A provider a channel may use, and its share of the traffic."""

    provider: AnyProvider
    weight: int = 1


class _Line(Struct, forbid_unknown_fields=True):
    kind: str
    name: str = ""
    weight: Annotated[int, Meta(ge=0)] = 1
    options: dict[str, Any] = {}


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
        if twice := taken & registry[channel].keys():
            raise RegistryError(f"channels.{channel}: the name {min(twice)!r} is taken")
        taken |= registry[channel].keys()
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
    for index, entry in enumerate(entries):
        where = f"channels.{channel}[{index}]"
        line = _convert(where, entry, _Line)
        provider = _provider(where, channel, line, variables, kinds)
        if provider.declaration.name in routes:
            raise RegistryError(f"{where}: the name {provider.declaration.name!r} is taken")
        routes[provider.declaration.name] = Route(provider, line.weight)
    return routes


def _provider(where: str, channel: str, line: _Line, variables: Mapping[str, str], kinds: Kinds) -> AnyProvider:
    if line.kind not in kinds:
        raise RegistryError(f"{where}.kind: no {line.kind!r}; there are {', '.join(sorted(kinds))}")
    named = {"name": line.name} if line.name else {}
    return make(f"{where}.options", kinds[line.kind], line.options | named | {"channel": channel}, variables)
