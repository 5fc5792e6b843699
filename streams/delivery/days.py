"""The daily limits of accounts, counted by partition: what is taken is on the log before it is sent.

Each role has its part of a limit and its own records in `notify.changelog.days`: all that a partition has used, of each account, under the
name of the role. Killed before the record is durable: nothing was sent. After it: what was taken stays taken, sent or not; so a crash costs
at most what was under way, and never sends more.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from providers.base import AnyProvider, Composite, Declaration, Message, Throttled, parts_of
from schemas.records import Output
from schemas.topics import CHANGELOG_DAYS
from streams.delivery.retries import DAY_OVER
from streams.routing.days import DAY_MS, Used, given_back, more, taken, until_next_ms, used_at
from streams.routing.quota import quota_of

TAIL = 1_000
"""Records that are read at the start: the one with the most is among the last few dozen, which were under way at a time."""

Tail = Callable[[int], Sequence[bytes | None]]
"""The values of the last records of a partition, `TAIL` of them; blocks."""

Day = dict[str, Used]
_DECODER = msgspec.json.Decoder(Day)


class Days:
    """Of one role in one process; `limit` says whom they limit."""

    def __init__(self, role: str, part: float, partitions: int, tail: Tail, clock: Callable[[], int]) -> None:
        """`part`: of each limit, the role's. `clock`: epoch ms."""
        self._role, self._part, self._partitions, self._tail, self._clock = role, part, partitions, tail, clock
        self._limits: dict[str, int] = {}
        self._accounts: dict[str, str] = {}
        self._used: dict[int, Day] = {}

    def know(self, declaration: Declaration) -> None:
        """A provider may be asked from now on."""
        if declaration.rate_per_day is not None:
            account = declaration.limited_as
            self._limits[account] = min(declaration.rate_per_day, self._limits.get(account, declaration.rate_per_day))
            self._accounts[declaration.name] = account

    async def ready(self, partition: int) -> None:
        """Hear what was used of a partition that is this process' from now on, by whomever. Raises ReadError."""
        if not self._limits:
            return
        values = await asyncio.to_thread(self._tail, partition)
        used = self._used.setdefault(partition, {})
        for value in values:
            for account, known in _DECODER.decode(value or b"{}").items():
                used[account] = more(used.get(account, Used()), known)

    def limit(self, provider: AnyProvider) -> bool:
        """Whether they limit a provider, or a part of it."""
        return any(part.declaration.name in self._accounts for part in parts_of(provider))

    def is_over(self, partition: int, name: str) -> bool:
        """Whether nothing is left of a provider's day."""
        account = self._accounts.get(name)
        return account is not None and used_at(self._of(partition, account), self._clock()).count >= self._quota(account, partition)

    def take(self, partition: int, wanted: Mapping[str, int]) -> tuple[int, Counter[str]]:
        """Take messages of today, by account: the day, and as many of each as there were left."""
        granted, now = Counter[str](), self._clock()
        for account, count in wanted.items():
            used, granted[account] = taken(self._of(partition, account), count, self._quota(account, partition), now)
            self._used[partition][account] = used
        return now // DAY_MS, granted

    def give_back(self, partition: int, day: int, unsent: Mapping[str, int]) -> None:
        """Some that were taken on a day were certainly not sent. The log hears of it with what is taken next."""
        for account, count in unsent.items():
            self._used[partition][account] = given_back(self._of(partition, account), count, day)

    def record(self, partition: int) -> Output:
        """All that is used, to be durable before anything that was taken is sent."""
        value = msgspec.json.encode(self._used.get(partition, {}))
        return Output(topic=CHANGELOG_DAYS, partition=partition, key=self._role.encode(), value=value)

    def over(self) -> Throttled:
        """The answer to a message for which nothing is left."""
        return Throttled(until_next_ms(self._clock()), DAY_OVER)

    def account_of(self, provider: AnyProvider, message: Message) -> str | None:
        """Of whose day a message is; None: there is no limit, or nobody to send it."""
        one = provider.part_of(message) if isinstance(provider, Composite) else provider
        return None if one is None else self._accounts.get(one.declaration.name)

    def _of(self, partition: int, account: str) -> Used:
        return self._used.setdefault(partition, {}).get(account, Used())

    def _quota(self, account: str, partition: int) -> int:
        return quota_of(self._limits[account], self._part, partition, self._partitions)
