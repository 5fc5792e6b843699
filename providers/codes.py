"""What a provider's documented error codes mean for us: one table a provider, its own words beside each code. Pure."""

from typing import Literal, NamedTuple, TypeAlias

from providers.base import Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported

Meaning: TypeAlias = Literal["permanent", "bad_address", "unsupported", "throttled", "unavailable", "config", "unknown"]
"""permanent     this message will never be taken
bad_address   ... nor any other to this address: it is taken out of use
unsupported   nothing was sent; not this message to this address by this provider, but another may do it: no route there, no MMS
throttled     nothing was sent; later
unavailable   nothing was sent; the provider is at fault
config        nothing was sent; we are at fault: key, account, sender, URL
unknown       it may have been sent
"""


class Code(NamedTuple):
    """A line of a provider's table. `reason`: what our status says (lower case, underscores). `says`: the provider's documentation."""

    meaning: Meaning
    reason: str
    says: str


def outcome_of(code: Code, detail: str = "", retry_after_ms: int = 0) -> Outcome:
    """Return the outcome of a message that was answered so. `detail`: what the answer said; else the documentation's words."""
    told = f"{code.reason}: {detail or code.says}"
    match code.meaning:
        case "permanent" | "bad_address":
            return Rejected(code.reason, detail or code.says, address_dead=code.meaning == "bad_address")
        case "unsupported":
            return Unsupported(told)
        case "throttled":
            return Throttled(retry_after_ms, told)
        case "unavailable" | "config":
            return Unavailable(told, config=code.meaning == "config")
        case "unknown":
            return Unknown(told)
