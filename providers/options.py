"""A provider made from its options: variables filled in, names and types checked against its constructor."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from providers.base import AnyProvider
from providers.errors import DeclarationError, RegistryError

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def make(where: str, make_provider: Callable[..., AnyProvider], options: Mapping[str, Any], variables: Mapping[str, str]) -> AnyProvider:
    """Return the provider. Raises RegistryError that says `where`, and what of the options is wrong."""
    filled = {key: fill(f"{where}.{key}", value, variables) for key, value in options.items()}
    try:
        checked = msgspec.convert(filled, _shape(make_provider), strict=False)
        return make_provider(**{key: getattr(checked, key) for key in filled})
    except (msgspec.ValidationError, DeclarationError, ValueError) as error:
        raise RegistryError(f"{where}: {error}") from error


def fill(where: str, value: Any, variables: Mapping[str, str]) -> Any:
    """Return the value with ${NAME} and ${NAME:-default} replaced in its strings."""
    if isinstance(value, dict):
        return {key: fill(f"{where}.{key}", item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(f"{where}[{index}]", item, variables) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        found = variables.get(match[1], match[2])
        if found is None:
            raise RegistryError(f"{where}: variable {match[1]} is not given")
        return found

    return _VARIABLE.sub(put, value)


def _shape(make_provider: Callable[..., AnyProvider]) -> type[msgspec.Struct]:
    """Return a Struct with the constructor's parameters as fields, so that msgspec can check options against it."""
    signature = inspect.signature(make_provider, eval_str=True)
    fields: list[Any] = [
        (name, parameter.annotation) + (() if parameter.default is parameter.empty else (parameter.default,))
        for name, parameter in signature.parameters.items()
    ]
    return msgspec.defstruct("options", fields, kw_only=True, forbid_unknown_fields=True)
