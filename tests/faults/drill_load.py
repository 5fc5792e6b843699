"""What a drill asks for: one campaign, a sale that is over before the provider is back, and single notifications at an even pace."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from schemas.clock import now_ms
from schemas.ids import notification_id
from schemas.records import Audience, NotificationRequested, Priority
from tests.faults.load import Load, reminder

CODE_S, SINGLES = 300, 0.0025
"""How long a login code is good for, before it is scaled; how many singles there are on push, as a share of its limit."""
MAIL_S = 0.2
MOST = 20
"""Singles of a kind at once, when there was no time for them."""


@dataclass
class Singles:
    """One kind: every so often, to somebody. `at`: when each event was written (epoch ms), by its id."""

    name: str
    every_s: float
    channel: str
    priority: Priority
    expires_after_ms: int | None = None
    at: dict[str, int] = field(default_factory=dict)
    due: float = field(default_factory=time.monotonic)

    def made(self, event_id: str, user: str) -> NotificationRequested:
        """The request."""
        now = now_ms()
        expires_at = None if self.expires_after_ms is None else now + self.expires_after_ms
        return _asked(event_id, user, f"drill.{self.name}", channels=[self.channel], priority=self.priority, expires_at=expires_at)


def _asked(event_id: str, user: str, source: str, **changes: object) -> NotificationRequested:
    request = reminder(event_id, user, now_ms())
    told = replace(request.notification, notification_id=notification_id(source, event_id), event_type=source, source=source, **changes)
    return replace(request, notification=told)


class DrillLoad:
    """Writes it; `tick` often."""

    def __init__(self, load: Load, per_s: int, scale: float, seed: int) -> None:
        self._load, self._random = load, random.Random(seed)
        every_s = 1 / (SINGLES * per_s)
        self.singles = [
            Singles("push.code", every_s, "push", Priority.CRITICAL, round(CODE_S * 1000 / scale)),
            Singles("push.receipt", every_s, "push", Priority.NORMAL),
            Singles("email.code", MAIL_S, "email", Priority.CRITICAL),
            Singles("email.receipt", MAIL_S, "email", Priority.NORMAL),
        ]

    def begin(self) -> None:
        """Singles are due from now on."""
        for one in self.singles:
            one.due = time.monotonic()

    def tick(self) -> None:
        """Write the singles that are due."""
        for one in self.singles:
            for _ in range(MOST):
                if one.due > time.monotonic():
                    break
                one.due += one.every_s
                user = self._random.choice(self._load.users)
                event = self._load.request(lambda event_id, one=one, user=user: one.made(event_id, user), [user])  # type: ignore[misc]
                one.at[event] = now_ms()
            one.due = max(one.due, time.monotonic() - one.every_s)

    def campaign(self) -> str:
        """A sale for everybody, on push; returns the notification's id."""
        return self._sale("drill.campaign", Audience(expression="tag:sale"), self._load.users, None)

    def flash(self, users: Sequence[str], lasts_s: float) -> str:
        """A sale for some that lasts so long; returns the notification's id."""
        return self._sale("drill.flash", Audience(list(users)), users, now_ms() + round(1000 * lasts_s))

    def _sale(self, source: str, audience: Audience, users: Sequence[str], expires_at: int | None) -> str:
        event = self._load.request(lambda event_id: replace(_sale(event_id, source, expires_at), audience=audience), users)
        return notification_id(source, event)


def _sale(event_id: str, source: str, expires_at: int | None) -> NotificationRequested:
    of_a_sale = {
        "template_id": "flash_sale",
        "category": "promotional",
        "priority": Priority.LOW,
        "data": {"sale": "Spring", "percent": "20"},
    }
    return _asked(event_id, "", source, channels=["push"], campaign=source, expires_at=expires_at, **of_a_sale)
