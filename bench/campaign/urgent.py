"""Urgent notifications for one user each, sent at random moments, and how long each took to reach the provider."""

import random
import threading
import time
from dataclasses import dataclass, field

import httpx

from bench.campaign.log import Log
from bench.campaign.people import user
from schemas.ids import notification_id
from schemas.records import Audience, Notification, NotificationRequested, Priority

NS_PER_MS = 1_000_000


def login_code(key: str, number: int, now_ms: int) -> NotificationRequested:
    """A critical notification for user `number`."""
    notification = Notification(
        notification_id=notification_id("bench.urgent", key),
        event_type="login.code_requested",
        source="bench.urgent",
        campaign="",
        template_id="login_code",
        template_version=1,
        category="transactional",
        priority=Priority.CRITICAL,
        channels=["push"],
        data={"code": "123456"},
        occurred_at=now_ms,
        accepted_at=now_ms,
        expires_at=now_ms + 180_000,
    )
    return NotificationRequested(notification, Audience([user(number)]), key)


@dataclass
class Urgent:
    """Sends `rate` a second on a thread until stopped or until `count` are sent."""

    log: Log
    users: int
    rate: float
    count: int
    seed: int
    sent_ns: dict[str, int] = field(default_factory=dict)

    def run(self, stop: threading.Event | None = None) -> None:
        """Send; returns when done. The pauses are exponential, so that nothing beats in time with the system's own timers."""
        chance = random.Random(self.seed)
        for number in range(self.count):
            now = time.time_ns()
            # users whose number ends in 01 have a device and push on
            request = login_code(f"{self.seed}-{number}", chance.randrange(self.users // 100) * 100 + 1, now // NS_PER_MS)
            self.sent_ns[request.notification.notification_id] = now
            self.log.request(request)
            if (stop or threading.Event()).wait(chance.expovariate(self.rate)):
                break
        self.log.flush()

    def latencies_ms(self, sandbox_url: str) -> list[float]:
        """Event to provider request, ms, sorted; one for each that has arrived."""
        answer = httpx.get(f"{sandbox_url}/v1/arrivals", timeout=30.0).raise_for_status().json()
        arrivals = answer.get("arrivals", answer)
        return sorted((arrivals[key] - sent) / NS_PER_MS for key, sent in self.sent_ns.items() if key in arrivals)


def quantile(values: list[float], q: float) -> float:
    """The q-quantile of sorted values; -1 for none."""
    return round(values[min(len(values) - 1, int(q * len(values)))], 1) if values else -1.0
