"""A provider, or a parser of its feedback, made from its options: variables filled in, names and types checked against its constructor."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from providers.errors import DeclarationError, RegistryError
from providers.secret import Secret
from providers.secret_files import Variables

T = TypeVar("T")

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def make(where: str, make_provider: Callable[..., T], options: Mapping[str, Any], variables: Mapping[str, str]) -> T:
    """Return the provider. Raises RegistryError that says `where`, and what of the options is wrong; never what a secret is."""
    parameters = inspect.signature(make_provider, eval_str=True).parameters
    filled = {
        key: _secret(f"{where}.{key}", value, variables) if _is_secret(parameters.get(key)) else fill(f"{where}.{key}", value, variables)
        for key, value in options.items()
    }
    try:
        checked = msgspec.convert(filled, _shape(parameters), strict=False, dec_hook=_as_it_is)
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


def _secret(where: str, value: Any, variables: Mapping[str, str]) -> Secret:
    """What the text says now, each time it is asked for. Raises RegistryError when a variable is not given, or it is no text."""
    if not isinstance(value, str):
        raise RegistryError(f"{where}: expected a text")
    if not fill(where, value, variables):
        raise RegistryError(f"{where}: is empty")
    from_files = isinstance(variables, Variables) and any(variables.reader(match[1]) for match in _VARIABLE.finditer(value))
    return Secret(lambda: fill(where, value, variables)) if from_files else Secret(fill(where, value, variables))


def _is_secret(parameter: inspect.Parameter | None) -> bool:
    return parameter is not None and parameter.annotation in (Secret, Secret | None)


def _as_it_is(kind: Any, value: Any) -> Any:
    """A value of a type that YAML does not have. Raises ValueError for all others, and for what only code can give, such as a clock."""
    if not isinstance(kind, type):
        raise ValueError("is no option")
    if isinstance(value, kind):
        return value
    raise ValueError(f"expected {kind.__name__}")


def _shape(parameters: Mapping[str, inspect.Parameter]) -> type[msgspec.Struct]:
    """Return a Struct with the constructor's parameters as fields, so that msgspec can check options against it."""
    fields: list[Any] = [
        (name, parameter.annotation) + (() if parameter.default is parameter.empty else (parameter.default,))
        for name, parameter in parameters.items()
    ]
    return msgspec.defstruct("options", fields, kw_only=True, forbid_unknown_fields=True)
