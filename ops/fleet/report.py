"""What the supervisor tells `carillon ps`: a file, written anew after each change."""

from pathlib import Path

import msgspec

from ops.fleet.settings import FleetSettings


class Kept(msgspec.Struct, frozen=True):
    """One member: how often it was started again, and whether it was given up."""

    restarts: int = 0
    gave_up: bool = False


class Report(msgspec.Struct, frozen=True):
    """By member's name; one that is not here was never restarted."""

    members: dict[str, Kept] = {}

    def of(self, name: str) -> Kept:
        """How it went with a member."""
        return self.members.get(name, Kept())


def report_file(settings: FleetSettings) -> Path:
    """Where it is."""
    return settings.local.home.run / "supervisor.json"


def load(settings: FleetSettings) -> Report:
    """The last report; an empty one when there is none."""
    try:
        return msgspec.json.decode(report_file(settings).read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError):
        return Report()


def save(settings: FleetSettings, report: Report) -> None:
    """Replace the last report."""
    path = report_file(settings)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(report))
    fresh.replace(path)
