"""Control of a running campaign: what pause, resume, cancel and rate make of its state in one partition. Pure.

Of two commands the younger counts (`at`, then `command_id`), in whatever order they arrive: so a repetition changes nothing, and all
partitions end alike. The rate is a matter of its own, beside pause and resume. Cancel is the end: it always counts, and nothing after it.

A command to expand that is met while the campaign is paused is *held*: kept in the step's table. It is *owed* when it was written again,
or waits for its turn, and was not decided yet. Resume writes one held command again, and each owed one that is decided the next: what one
record comes to stays bounded, however many wait.
"""

import msgspec

from schemas.errors import RecordRefused
from schemas.records import ControlCampaign, ExpandAudience

RUNNING, PAUSED, CANCELLED = "running", "paused", "cancelled"
RATE = "rate"
_AFTER = {"pause": PAUSED, "resume": RUNNING, "cancel": CANCELLED}
ACTIONS = (*_AFTER, RATE)
AHEAD_MS = 60_000
"""How far in the future a command may be: it would beat all that follow until then."""
MAX_ID_BYTES = 256

Stamp = tuple[int, str]
"""When something was asked for, and the command's id."""
NEVER: Stamp = (-1, "")


class ControlInvalid(RecordRefused):
    """Control that can't be obeyed."""

    reason = "control_invalid"


class Campaign(msgspec.Struct, frozen=True, omit_defaults=True):
    """One notification in one partition. `next_at`: at a rate, nobody more before that (epoch ms). `held`, `owed`: marks of commands."""

    state: str = RUNNING
    switched: Stamp = NEVER
    per_second: int = 0
    rated: Stamp = NEVER
    next_at: int = 0
    held: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()

    def waits(self, mark: str) -> bool:
        """Whether a command was met, and not decided."""
        return mark in self.held or mark in self.owed


UNCONTROLLED = Campaign()


def check(command: ControlCampaign, now: int) -> None:
    """Raises ControlInvalid. `now`: epoch ms."""
    if command.action not in ACTIONS:
        raise ControlInvalid(f"no action {command.action[:40]!r}; there are {', '.join(ACTIONS)}")
    for name in ("notification_id", "command_id"):
        size = len(getattr(command, name).encode())
        if not 0 < size <= MAX_ID_BYTES:
            raise ControlInvalid(f"a {name} of {size} bytes: 1 to {MAX_ID_BYTES}")
    if command.per_second < 0:
        raise ControlInvalid(f"{command.per_second} a second: 0 (no limit) or more")
    if command.action != "cancel" and not 0 <= command.at <= now + AHEAD_MS:  # a cancel counts whenever it was asked for
        raise ControlInvalid(f"asked for at {command.at} ms: it is {now}, and {AHEAD_MS} ms ahead at most are taken for a clock's error")


def controlled(known: Campaign, command: ControlCampaign) -> Campaign:
    """The state after a command; the same when it changes nothing: it was had, is older than another, or comes after a cancel."""
    stamp = (command.at, command.command_id)
    if known.state == CANCELLED:
        return known
    if command.action == RATE:
        return msgspec.structs.replace(known, per_second=command.per_second, rated=stamp) if stamp > known.rated else known
    state = _AFTER[command.action]
    if stamp <= known.switched and state != CANCELLED:
        return known
    return msgspec.structs.replace(known, state=state, switched=stamp)


def mark_of(command: ExpandAudience) -> str:
    """What tells a command from others of its notification and partition."""
    return command.hold_id or str(command.chunk)


def held(known: Campaign, mark: str) -> Campaign:
    """A command is kept."""
    rest = _without(known, mark)
    return msgspec.structs.replace(rest, held=(*rest.held, mark))


def owed(known: Campaign, mark: str) -> Campaign:
    """A command is written again, now or later."""
    rest = _without(known, mark)
    return msgspec.structs.replace(rest, owed=(*rest.owed, mark))


def decided(known: Campaign, mark: str) -> Campaign:
    """A command waits no more."""
    return _without(known, mark) if known.waits(mark) else known


def _without(known: Campaign, mark: str) -> Campaign:
    return msgspec.structs.replace(
        known, held=tuple(one for one in known.held if one != mark), owed=tuple(one for one in known.owed if one != mark)
    )
