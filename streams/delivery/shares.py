"""The providers of one channel, and which of them a recipient is sent to by: shares as the weights are, moved by how each does.

How they do is what this process was answered by them (`routing.health`); it is forgotten when the process ends.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from providers.base import AnyProvider, Outcome, Throttled, Unavailable, Unknown
from providers.registry import Route
from streams.routing.choice import order_for, provider_for
from streams.routing.health import Health, answered, at, weight

SINGLE_SLICE = 200
"""Recipients under one intent of a provider that takes one message a call: at most so many are unknown after a crash."""
BAD = (Throttled, Unavailable, Unknown)


class Standing:
    """How the providers of a process do; shared by all its channels and priorities."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms."""
        self._clock = clock
        self._of: dict[str, Health] = {}
        self._slow_ms: dict[str, int] = {}

    def know(self, provider: AnyProvider) -> None:
        """It may be asked from now on."""
        self._slow_ms[provider.declaration.name] = provider.declaration.slow_ms
        self._of.setdefault(provider.declaration.name, Health())

    def heard(self, name: str, outcomes: Sequence[Outcome], took_ms: float) -> None:
        """A request was answered, or not: one outcome a message."""
        bad = sum(isinstance(outcome, BAD) for outcome in outcomes)
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
        self._routes, self._standing = routes, standing
        self._sizes = {name: _slice(route.provider) for name, route in routes.items()}
        self.repeatable = all(route.provider.declaration.repeatable for route in routes.values())
        """Whether nothing need be known of an attempt to make it again."""
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
        for number, message in enumerate(messages):
            again = open_at[number] if number < len(open_at) else ""
            name = again if again in weights else self._choice(message, weights)
            if taken[name] == self._sizes[name]:
                break
            taken[name] += 1
            names.append(name)
        return names

    def after(self, message: str, tried: Collection[str]) -> str | None:
        """The next to try; None: all were."""
        if len(tried) == len(self._routes):
            return None
        return next((name for name in order_for(message, self._weights()) if name not in tried), None)

    def figures(self) -> dict[str, int]:
        """What each is worth, in percent of its weight; callable from any thread."""
        return {f"{name}_percent": self._standing.percent(name) for name in self._routes}

    def _choice(self, message: str, weights: Mapping[str, float]) -> str:
        return provider_for(message, weights) if len(weights) > 1 else next(iter(weights))

    def _weights(self) -> dict[str, float]:
        return {name: route.weight * self._standing.worth(name) for name, route in self._routes.items()}


def _slice(provider: AnyProvider) -> int:
    size = provider.declaration.batch_size
    return size if size > 1 else SINGLE_SLICE
