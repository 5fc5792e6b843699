"""Where the process that holds the embedded engine answers queries: a file in CARILLON_HOME/run, readable by its owner only."""

import os
from pathlib import Path

import msgspec

FILE = "clickhouse.json"


class Address(msgspec.Struct, frozen=True):
    """`token` must come with every query; it is not in the repr."""

    url: str
    path: str
    pid: int
    token: str

    def __repr__(self) -> str:
        return f"Address({self.url}, pid {self.pid}, for {self.path})"


def publish(home: str, address: Address) -> Path:
    """Write the file, whole or not at all; returns where."""
    place = Path(home) / "run" / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(f".{address.pid}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(address))
    draft.replace(place)
    return place


def read(home: str) -> Address | None:
    """What is published, whoever wrote it and whether it still runs or not; None when nothing readable is there."""
    try:
        return msgspec.json.decode((Path(home) / "run" / FILE).read_bytes(), type=Address)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def withdraw(home: str, address: Address) -> None:
    """Remove the file if it is still ours."""
    if read(home) == address:
        (Path(home) / "run" / FILE).unlink(missing_ok=True)
