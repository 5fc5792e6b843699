"""What can go wrong with the local stack. All of them say what, where, and what to do.

StackError
├── MissingTool       a program the machine lacks, and how to get it
├── BadSetting        an environment variable that cannot be used
├── PortTaken         somebody else listens where a part wants to
├── JarsFailed        Maven could not fetch a part's jars
├── PartFailed        a part died, or was not healthy in time
├── StackBusy         another ``up`` or ``down`` of the same home is still at work
└── ConnectorFailed   Kafka Connect refused a connector, or its task failed
"""

from pathlib import Path


class StackError(Exception):
    """Base of all errors of the local stack."""


class MissingTool(StackError):
    """A program the machine lacks."""


class BadSetting(StackError):
    """An environment variable that cannot be used."""


class PortTaken(StackError):
    """Somebody else listens on a port of ours."""

    def __init__(self, port: int, purpose: str, holder: str | None, variable: str) -> None:
        self.port, self.purpose, self.holder, self.variable = port, purpose, holder, variable
        by = f"is taken by {holder}" if holder else "is taken (by whom is not visible to this user)"
        super().__init__(
            f"port {port}, wanted for {purpose}, {by}. "
            f"Stop that program, or set {variable} to a free port, or CARILLON_PORT_BASE to move all ports."
        )


class JarsFailed(StackError):
    """Maven could not fetch the jars."""

    def __init__(self, parts: list[str], reason: str, log: Path, tail: list[str]) -> None:
        self.log = log
        super().__init__("\n".join([f"jars of {', '.join(parts)}: {reason}; log: {log}", *(f"  | {x}" for x in tail)]))


class PartFailed(StackError):
    """A part died or was not healthy in time."""

    def __init__(self, part: str, reason: str, log: Path, tail: list[str]) -> None:
        self.part, self.reason, self.log, self.tail = part, reason, log, tail
        super().__init__("\n".join([f"{part}: {reason}; log: {log}", *(f"  | {line}" for line in tail)]))


class StackBusy(StackError):
    """Another process works on the same home."""


class ConnectorFailed(StackError):
    """Kafka Connect refused a connector or its task failed."""
