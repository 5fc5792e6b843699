"""What a part of the stack has to say about itself."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local import archives, tools
from ops.local.processes import Command
from ops.local.settings import Settings

YIELDING = ("/bin/sh", "-c", '{ echo 5 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 10 "$@"', "sh")
"""Before a part that nothing on its way to a person waits for: on a machine that all share, it goes after the rest.

Each part has a session of its own, and where Linux groups tasks by session (sched(7)) it is the session that has to be nice.
"""


class Part(ABC):
    """One process of the stack."""

    name: str
    port_names: tuple[str, ...]
    needs: tuple[str, ...] = ()
    stop_signal = signal.SIGTERM
    stop_grace_s = 30.0

    @abstractmethod
    def prepare(self, settings: Settings) -> str | None:
        """Write configuration and, the first time, initialise the data folder. Idempotent; may take seconds.

        Returns a note for whoever watches, when there is something to know.
        """

    def ports(self, settings: Settings) -> dict[str, int]:
        """Its ports by name."""
        return {name: settings.ports[name] for name in self.port_names}

    @abstractmethod
    def command(self, settings: Settings) -> Command:
        """What to start."""

    @abstractmethod
    def probe(self, settings: Settings) -> None:
        """Ask the part something in its own protocol. Raises anything when it does not answer rightly."""


def java_command(
    part: str, settings: Settings, options: list[str], main: list[str], archive: bool = True, before: Sequence[str] = ()
) -> Command:
    """A JVM that keeps its temporary files in the home and ends, instead of limping, when memory runs out.

    `before`: what starts it, if anything.
    """
    java = tools.java()
    temporary = settings.home.run / "tmp" / part
    temporary.mkdir(parents=True, exist_ok=True)
    common = [
        f"-Dcarillon.part={part}", f"-Dcarillon.home={settings.home.root}", f"-Djava.io.tmpdir={temporary}",
        "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
    ]  # fmt: skip
    if archive:
        common += archives.options(settings.home, part, java)
    return Command([*before, java, *common, *options, *main], cwd=settings.home.run)


def classpath(settings: Settings, part: str) -> str:
    """Jars only: a folder of classes would rule out a class archive."""
    return f"{settings.home.jars / part}/*"


def properties(values: Mapping[str, object]) -> str:
    """The text of a Java properties file."""
    return "".join(f"{key}={value}\n" for key, value in values.items())


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
