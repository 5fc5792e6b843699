"""The rate of a campaign: how many users at once, and when the next may come. Pure.

A campaign of N users a second has N/P a second in each of the P partitions that take part. A chunk is no larger than what a second
allows, and one user at least; what follows it comes when its users have had their time. Who comes late may catch up, by a second at most.
So within any T seconds no more than N (T + 1) users, and one chunk of each partition, are decided.

Users who are named come in the commands that the planner made, 1000 at most; those are not cut: each takes its users' time before the next.
"""

import msgspec

from schemas.records import ExpandAudience
from streams.audience.control import CANCELLED, Campaign

SECOND_MS = 1000
CATCH_UP_MS = SECOND_MS


def paced(campaign: Campaign) -> bool:
    """Whether there is a rate to keep. Telling people that they are not sent to needs none."""
    return campaign.per_second > 0 and campaign.state != CANCELLED


def chunk_limit(campaign: Campaign, partitions: int, chunk: int) -> int:
    """How many users a search may find at once, of `chunk` otherwise; 1 at least."""
    return max(1, min(chunk, campaign.per_second // partitions)) if paced(campaign) else chunk


def time_of(users: int, per_second: int, partitions: int) -> int:
    """How long so many users of one partition take at the campaign's rate, in ms, rounded up."""
    return -(-users * partitions * SECOND_MS // per_second)


def turn_of(campaign: Campaign, command: ExpandAudience) -> int:
    """When a command may be decided (epoch ms); 0: at once. One that was given its turn keeps it."""
    return (command.not_before or campaign.next_at) if paced(campaign) else 0


def postponed(campaign: Campaign, command: ExpandAudience) -> tuple[Campaign, ExpandAudience]:
    """The command with its turn. Named users take their time then; whom a search will find is not known yet."""
    turn = turn_of(campaign, command)
    given = msgspec.structs.replace(command, not_before=turn)
    if command.not_before or command.expression:
        return campaign, given
    return msgspec.structs.replace(campaign, next_at=turn + time_of(len(command.users), campaign.per_second, command.partitions)), given


def passed(campaign: Campaign, command: ExpandAudience, users: int, now: int) -> Campaign:
    """After so many users of a command were decided, at `now` (epoch ms)."""
    if not paced(campaign):
        return msgspec.structs.replace(campaign, next_at=0) if campaign.next_at else campaign
    if command.not_before and not command.expression:  # their time was taken when they had their turn
        return campaign
    began = max(campaign.next_at, now - CATCH_UP_MS)
    return msgspec.structs.replace(campaign, next_at=began + time_of(users, campaign.per_second, command.partitions))


def following(campaign: Campaign, rest: ExpandAudience) -> ExpandAudience:
    """What is left of a command, with its turn."""
    return msgspec.structs.replace(rest, not_before=campaign.next_at if paced(campaign) else 0)
