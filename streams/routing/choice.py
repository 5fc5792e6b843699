"""Which provider of a channel takes a message. Pure.

By rendezvous hashing with weights (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005): each provider draws a number for
the message from a hash of both, and the best one by weight takes it. So the same message and weights have the same provider, shares are as
the weights, and when one provider's weight falls only messages of that provider move.
"""

from collections.abc import Mapping
from hashlib import blake2b
from math import log

_RANGE = 2.0**64


def provider_for(message: str, weights: Mapping[str, float]) -> str:
    """The provider that takes a message (an id), by name. Weight 0 takes none, unless all have it. Raises ValueError for no provider."""
    if not weights:
        raise ValueError("there is no provider to choose from")
    usable = {name: weight for name, weight in weights.items() if weight > 0} or dict.fromkeys(weights, 1.0)
    return min(usable, key=lambda name: (_drawn(name, message) / usable[name], name))


def order_for(message: str, weights: Mapping[str, float]) -> list[str]:
    """All providers, in the order in which a message is to try them."""
    left, order = dict(weights), []
    while left:
        order.append(provider_for(message, left))
        del left[order[-1]]
    return order


def _drawn(name: str, message: str) -> float:
    """A number of the exponential distribution: the least of several, each divided by its weight, falls as the weights are."""
    digest = blake2b(f"{len(name)}:{name}{message}".encode(), digest_size=8).digest()
    return -log((int.from_bytes(digest, "big") + 1) / _RANGE)
