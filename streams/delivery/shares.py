"""The providers of one channel, and which of them a recipient is sent to by: shares as the weights are, moved by how each does.

How they do is what this process was answered by them (`routing.health`); it is forgotten when the process ends.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice

from providers.base import AnyProvider, Composite, Outcome, Throttled, Unavailable, Unknown, names_of
from providers.registry import Route
from streams.delivery.days import Days
from streams.delivery.gate import Gate, Share
from streams.delivery.gates import Gates, Way, opened
from streams.routing.choice import order_for, provider_for
from streams.routing.health import Health, answered, at, weight

SINGLE_SLICE = 200
"""Recipients under one intent of a provider that takes one message a call: at most so many are unknown after a crash."""
BAD = frozenset({Throttled, Unavailable, Unknown})


class Standing:
    """How the providers of a process do, and the gates of their accounts; shared by all its channels and priorities."""

    def __init__(self, clock: Callable[[], int], share: Share = lambda limit: limit, days: Days | None = None) -> None:
        """`clock`: epoch ms. `share`: of the limit of an account. `days`: of those by day; None: one partition has them all."""
        self._clock, self._share = clock, share
        self.days = days or Days("", 1.0, 1, lambda partition: (), clock)
        self._of: dict[str, Health] = {}
        self._slow_ms: dict[str, int] = {}
        self._accounts: dict[str, Gate] = {}
        self._gates: dict[str, Gate] = {}
        self._ways: dict[str, Way] = {}

    def know(self, provider: AnyProvider) -> None:
        """It may be asked from now on, and those it is made of."""
        declaration = provider.declaration
        self._slow_ms[declaration.name] = declaration.slow_ms
        self._of.setdefault(declaration.name, Health())
        if isinstance(provider, Composite):
            for part in provider.parts.values():
                self.know(part)
            self._ways[declaration.name] = Gates([self._gates[part.declaration.name] for part in provider.parts.values()])
            return
        self.days.know(declaration)
        account = declaration.limited_as
        if account not in self._accounts:
            self._accounts[account] = Gate(declaration, self._share, self._clock)
        self._gates[declaration.name] = self._ways[declaration.name] = self._accounts[account]

    def gate(self, name: str) -> Way:
        """What the messages of a provider have to pass before their intent."""
        return self._ways[name]

    def turn(self, name: str, count: int, expires_at: int | None) -> AbstractAsyncContextManager[Outcome | None]:
        """The turn of a request of so many messages, as `Gate.turn`. Not for a composite: its parts are asked."""
        return self._gates[name].turn(count, expires_at)

    def request_size(self, name: str, batch_size: int) -> int:
        """How many messages may go in one request, of as many as it takes."""
        return self._gates[name].request_size(batch_size)

    def heard(self, name: str, outcomes: Sequence[Outcome], took_ms: float) -> None:
        """A request was answered, or not: one outcome a message. What is heard of a composite says nothing of an account."""
        if name in self._gates:
            self._gates[name].heard(outcomes)
        bad = 0 if BAD.isdisjoint(map(type, outcomes)) else sum(map(_is_bad, outcomes))
        slow = len(outcomes) if took_ms > self._slow_ms[name] else 0
        self._of[name] = answered(self._of[name], answers=len(outcomes), bad=bad, slow=slow, now=self._clock())

    def worth(self, name: str) -> float:
        """The share of its weight that a provider has now: 1 when it does well."""
        self._of[name] = at(self._of[name], self._clock())
        return weight(1.0, self._of[name])

    def percent(self, name: str) -> int:
        """The same as it was when it was asked last; callable from any thread."""
        return round(100 * weight(1.0, self._of[name]))


class Shares:
    """Of one channel."""

    def __init__(self, routes: Mapping[str, Route], standing: Standing) -> None:
        """`routes`: one or more, by the name of the provider."""
        self._routes, self._standing, self.days = routes, standing, standing.days
        self._sizes = {name: _slice(route.provider) for name, route in routes.items()}
        self.repeatable = all(route.provider.declaration.repeatable for route in routes.values())
        """Whether nothing need be known of an attempt to make it again."""
        self._named = [name for route in routes.values() for name in dict.fromkeys(names_of(route.provider))]
        for route in routes.values():
            standing.know(route.provider)

    def provider(self, name: str) -> AnyProvider:
        """The one of a name."""
        return self._routes[name].provider

    def chosen(self, messages: Iterable[str], open_at: Sequence[str]) -> list[str]:
        """The provider of each of the first `messages` (ids), as many as go together: until one of them would have more than it takes.

        `open_at`: who was called for the first of them by an attempt that left no result. They are asked again, whatever the weights are:
        only they can know the message.
        """
        weights, taken, names = self._weights(), Counter[str](), list[str]()
        sizes = {name: self._most(name) for name in self._routes}
        if len(sizes) == 1:
            return [name for name, size in sizes.items() for _ in islice(messages, size)]
        for number, message in enumerate(messages):
            again = open_at[number] if number < len(open_at) else ""
            name = again if again in self._routes else provider_for(message, weights)
            if taken[name] >= sizes[name]:
                break
            taken[name] += 1
            names.append(name)
        return names

    def after(self, message: str, tried: Collection[str]) -> str | None:
        """The next to try; None: all were, or are down."""
        if len(tried) == len(self._routes):
            return None
        open_ = {name: weight for name, weight in self._weights().items() if self.gate(name).is_open}
        return next((name for name in order_for(message, open_) if name not in tried), None) if open_ else None

    def gate(self, name: str) -> Way:
        """What the messages of a provider have to pass before their intent."""
        return self._standing.gate(name)

    async def opened(self, alive: Callable[[], None]) -> None:
        """Wait until one of them may be asked, for as long as that takes: what waits stays on the log. `alive` is called now and then."""
        gates = [self.gate(name) for name in self._routes]
        while not await opened(gates, alive):
            pass

    def figures(self) -> dict[str, int]:
        """What each is worth, in percent of its weight, and whether it is taken for down, with its parts; callable from any thread."""
        worth = {f"{name}_percent": self._standing.percent(name) for name in self._named}
        return worth | {f"{name}_down": int(self.gate(name).is_down) for name in self._named}

    def _weights(self) -> dict[str, float]:
        """Of those that may be asked; of all, when none may."""
        weights = {name: route.weight * self._standing.worth(name) for name, route in self._routes.items()}
        return {name: weight for name, weight in weights.items() if self.gate(name).is_open} or weights

    def _most(self, name: str) -> int:
        return self.gate(name).most(self._sizes[name], self._routes[name].provider.declaration.batch_size)


def _is_bad(outcome: Outcome) -> bool:
    return type(outcome) in BAD and not (isinstance(outcome, Unavailable) and outcome.at_once)


def _slice(provider: AnyProvider) -> int:
    size = provider.declaration.batch_size
    return size if size > 1 else SINGLE_SLICE
