"""What a run asked for: what the oracle holds the log against."""

from dataclasses import dataclass, field


@dataclass
class Asked:
    """What was asked for: each upstream event's id, with whom it is about on which channels, and its priority."""

    users: dict[str, frozenset[str]] = field(default_factory=dict)
    channels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def addresses(self, user: str, channel: str) -> int:
        """How many addresses a user has at most."""
        return 2 if channel == "push" and int(user[1:]) % 97 == 3 else 1
