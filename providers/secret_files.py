"""Variables of the registry's file: from the environment, or each from a file that is read again when it changes.

`ACME_KEY_FILE=/run/secrets/acme` gives the variable ACME_KEY from that file, as Docker's and Kubernetes' secrets come. What is
written to the file later is in use within `LOOK_S`; a file that can't be read, or is empty, leaves the last one in use.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from providers.errors import RegistryError

SUFFIX = "_FILE"
LOOK_S = 1.0
"""How often, at most, a file is looked at."""

log = logging.getLogger(__name__)


class SecretFile:
    """The text of a file, without the white space around it. Raises RegistryError when it can't be read at first, or is empty."""

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic`: seconds."""
        self._path, self._monotonic = path, monotonic
        self._looked = monotonic()
        try:
            self._stamp, self._value = self._read()
        except (OSError, ValueError) as error:
            raise RegistryError(f"{path}: {_said(error)}") from None

    def __call__(self) -> str:
        """Return the text as it is now."""
        now = self._monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            if self._stamp_now() != self._stamp:
                self._stamp, self._value = self._read()
                log.info("%s was replaced", self._path)
        except (OSError, ValueError) as error:
            log.warning("%s: %s; the last one stays in use", self._path, _said(error))

    def _read(self) -> tuple[tuple[int, int, int], str]:
        stamp, value = self._stamp_now(), self._path.read_text(encoding="utf-8").strip()
        if not value:
            raise ValueError("is empty")
        return stamp, value

    def _stamp_now(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_ino, found.st_size


class Variables(Mapping[str, str]):
    """The environment, with a value for NAME wherever NAME_FILE names a file."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._files: dict[str, SecretFile] = {}

    def __getitem__(self, name: str) -> str:
        if name in self._environment:
            return self._environment[name]
        found = self.reader(name)
        if found is None:
            raise KeyError(name)
        return found()

    def __iter__(self) -> Iterator[str]:
        yield from self._environment

    def __len__(self) -> int:
        return len(self._environment)

    def reader(self, name: str) -> Callable[[], str] | None:
        """What reads a variable that is in a file; None: it is in none. Raises RegistryError for a file that can't be read."""
        path = self._environment.get(name + SUFFIX)
        if name in self._environment or path is None:
            return None
        if name not in self._files:
            self._files[name] = SecretFile(Path(path))
        return self._files[name]


def _said(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
