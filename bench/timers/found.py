"""What a run of timers showed, and what of it is not as it should be."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.campaign.urgent import quantile

BAR_P99_MS, BAR_URGENT_P99_MS = 2000, 250


@dataclass
class Found:
    """Times of firing are those of the written records."""

    timers: int
    window_s: float
    lead_s: float
    set_s: float = 0.0
    set_a_second: int = 0
    set_cpu_us: float = 0.0
    """CPU time of the worker for each."""
    set_before_the_window: bool = True
    fired: int = 0
    written_again: int = 0
    """By a worker that was killed before it had forgotten what it wrote; whoever reads them knows them by an id."""
    fired_early: int = 0
    fired_a_second_at_most: int = 0
    fired_cpu_us: float = 0.0
    late_p50_ms: float = 0.0
    late_p99_ms: float = 0.0
    late_max_ms: float = 0.0
    kills: int = 0
    urgent: int = 0
    urgent_p50_ms: float = 0.0
    urgent_p99_ms: float = 0.0
    """Of urgent notifications within the window, event to provider."""
    rss_mb: int = 0
    load: list[float] = field(default_factory=list)
    """Of the machine (1, 5, 15 minutes) in the end: what else runs on it counts."""

    def fill(self, written: Iterable[tuple[int, int, int]]) -> None:
        """What was written: (number of the timer, when it was due, when it was written), in epoch ms."""
        fired, seconds = dict[int, float](), Counter[int]()
        for number, due, at in written:
            self.written_again += number in fired
            fired.setdefault(number, at - due)
            seconds[at // 1000] += 1
        late = sorted(fired.values())
        self.fired, self.fired_early = len(late), sum(one < 0 for one in late)
        self.fired_a_second_at_most = max(seconds.values(), default=0)
        self.late_p50_ms, self.late_p99_ms, self.late_max_ms = quantile(late, 0.5), quantile(late, 0.99), late[-1] if late else -1

    @property
    def missed(self) -> list[str]:
        """What is not as it should be. Nobody who is killed all the time is asked for his speed."""
        found = [f"{self.fired} of {self.timers} fired"] if self.fired != self.timers else []
        found += [f"{self.fired_early} fired early"] if self.fired_early else []
        if self.kills:
            return found
        found += [f"{self.written_again} were written twice"] if self.written_again else []
        found += [f"lateness p99 is {self.late_p99_ms:.0f} ms, the bar is < {BAR_P99_MS}"] if self.late_p99_ms >= BAR_P99_MS else []
        urgent_late = self.urgent_p99_ms >= BAR_URGENT_P99_MS
        return found + ([f"urgent p99 is {self.urgent_p99_ms:.0f} ms, the bar is < {BAR_URGENT_P99_MS}"] if urgent_late else [])
