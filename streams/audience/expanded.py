"""The table of what was decided: how many chunks of a notification, and which releases of people who were held.

Under a notification's id is how many of its first chunks were had, and the numbers of those beyond, that came before their turn: the timers
of one moment keep no order, and what was refused is replayed. Under that id, a zero byte and a hold's id is a release that was had.
"""

from schemas.records import ExpandAudience, Write
from streams.step.step import View

TABLE = "expanded"
BYTES = 4


def was_had(view: View, key: bytes, command: ExpandAudience) -> bool:
    """Whether a command was decided; `key`: of its notification."""
    if command.hold_id:
        return view.get(TABLE, _release_key(key, command)) is not None
    done, beyond = _chunks_done(view, key)
    return command.chunk < done or command.chunk in beyond


def had(view: View, key: bytes, command: ExpandAudience) -> Write:
    """Remember that a command is decided."""
    if command.hold_id:
        return Write(TABLE, _release_key(key, command), b"1")
    done, beyond = _chunks_done(view, key)
    if command.chunk >= done:
        beyond.add(command.chunk)
    while done in beyond:
        beyond.remove(done)
        done += 1
    return Write(TABLE, key, b"".join(number.to_bytes(BYTES, "big") for number in (done, *sorted(beyond))))


def _release_key(key: bytes, command: ExpandAudience) -> bytes:
    return key + b"\0" + command.hold_id.encode()


def _chunks_done(view: View, key: bytes) -> tuple[int, set[int]]:
    """How many were had without a gap, and which beyond."""
    value = view.get(TABLE, key) or bytes(BYTES)
    done, *beyond = (int.from_bytes(value[at : at + BYTES], "big") for at in range(0, len(value), BYTES))
    return done, set(beyond)
