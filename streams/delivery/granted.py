"""What a slice was granted of the days of accounts: who is sent to, and what of it is given back."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from providers.base import AnyProvider, Message, Outcome, Throttled, Unavailable
from streams.delivery.days import Days

Send = Callable[[Sequence[Message]], Awaitable[Sequence[Outcome]]]


class Granted:
    """Of the messages of one provider. Those it is too little for are `Throttled` until the day is over, and not sent."""

    def __init__(self, days: Days, partition: int, provider: AnyProvider, messages: Sequence[Message]) -> None:
        """Takes what the messages need, and there is."""
        self._days, self._partition, self._provider = days, partition, provider
        self._day, self._left = days.take(partition, Counter(filter(None, map(self._account, messages))))

    async def sent(self, messages: Sequence[Message], send: Send) -> list[Outcome]:
        """One outcome a message, in order. They may be others than it was made of; what was certainly not sent is given back."""
        fit = [index for index, message in enumerate(messages) if self._admits(message)]
        answers = await send([messages[index] for index in fit]) if fit else []
        outcomes: list[Outcome] = [self._days.over()] * len(messages)
        for index, answer in zip(fit, answers, strict=True):
            outcomes[index] = answer
            if isinstance(answer, Throttled | Unavailable) and (account := self._account(messages[index])):
                self._left[account] += 1
        self._days.give_back(self._partition, self._day, self._left)
        return outcomes

    def _admits(self, message: Message) -> bool:
        account = self._account(message)
        if account is None:
            return True
        self._left[account] -= 1
        if self._left[account] >= 0:
            return True
        self._left[account] = 0
        return False

    def _account(self, message: Message) -> str | None:
        return self._days.account_of(self._provider, message)
