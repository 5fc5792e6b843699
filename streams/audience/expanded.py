"""The table of what was decided: how many chunks of a notification, and which releases of people who were held.

Under a notification's id is the number of its chunks; under that id, a zero byte and a hold's id is a release that was had.
"""

from schemas.records import ExpandAudience, Write
from streams.step.step import View

TABLE = "expanded"


def was_had(view: View, key: bytes, command: ExpandAudience) -> bool:
    """Whether a command was decided, or one that came after it; `key`: of its notification."""
    if command.hold_id:
        return view.get(TABLE, _release_key(key, command)) is not None
    return command.chunk < _chunks_done(view, key)


def had(view: View, key: bytes, command: ExpandAudience) -> Write:
    """Remember that a command is decided."""
    if command.hold_id:
        return Write(TABLE, _release_key(key, command), b"1")
    return Write(TABLE, key, max(command.chunk + 1, _chunks_done(view, key)).to_bytes(4, "big"))


def _release_key(key: bytes, command: ExpandAudience) -> bytes:
    return key + b"\0" + command.hold_id.encode()


def _chunks_done(view: View, key: bytes) -> int:
    value = view.get(TABLE, key)
    return int.from_bytes(value, "big") if value is not None else 0
