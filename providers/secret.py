"""A key or password that is shown to nobody but who signs with it."""

from collections.abc import Callable
from typing import NoReturn


class Secret:
    """Holds a secret, or how to read it: `reveal` gives what it is now, so that it can be replaced while we run.

    It prints as `Secret(***)`, and is not pickled, copied into JSON, or compared.
    """

    __slots__ = ("_read",)

    def __init__(self, value: str | Callable[[], str]) -> None:
        self._read = value if callable(value) else lambda: value

    def reveal(self) -> str:
        """Return the secret as it is now. Ask right before each use: a value that is kept is not replaced."""
        return self._read()

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
