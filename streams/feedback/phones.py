"""Who has a phone number, by the copy of the profiles' numbers that the worker keeps."""

from streams.feedback.numbers import MOST
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import phone_prefix, user_of
from streams.step.partition import StepPartition

FEW = 8
"""How many are looked for first: the store reads as many keys, whoever they are of."""


class Phones:
    """`replica` keeps PHONES."""

    def __init__(self, replica: ProfileReplica) -> None:
        self._replica = replica

    async def users_of(self, part: StepPartition, number: str) -> list[str]:
        """The users of the partition who have the number, or have it out of use, as it was FRESH_S ago or later: MOST and one at most."""
        await self._replica.current(part.number, alive=part.alive)
        index, found = self._replica.index(part.number), list[bytes]()
        for limit in (FEW, MOST + 1):
            found = index.keys(phone_prefix(number), b"", limit)
            if len(found) < limit:
                break
        return list(map(user_of, found))
