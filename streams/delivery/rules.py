"""From what the provider said to results. Pure."""

from collections.abc import Sequence

from providers.base import Accepted, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.base import Outcome as Answer
from schemas.records import Outcome
from streams.delivery.dead import dead_of
from streams.delivery.drafts import Draft
from streams.delivery.ledger import Result
from streams.delivery.retries import MAX_DETAIL, MISCONFIGURED, THROTTLED, UNAVAILABLE

SENT = Outcome("sent")
FOR_OTHERS = frozenset({Throttled, Unavailable, Unsupported})
"""Answers after which nothing was sent, and another provider may do better now."""
# the best that happened on any of a user's devices is what happened to the user
_RANK = {Accepted: 0, Unknown: 1, Throttled: 2, Unavailable: 2, Unsupported: 3, Rejected: 4}


def results_of(drafts: Sequence[Draft], answers: Sequence[Answer], channel: str) -> list[Result]:
    """One result a draft; `answers` are those to all their messages, in order. Dead addresses are in it whatever came of it."""
    results = []
    position = 0
    for each in drafts:
        messages, offset = each.messages, each.profile_offset
        if each.outcome is not None:
            results.append(Result(each.outcome, "", offset))
            continue
        mine = answers[position : position + len(messages)]
        position += len(messages)
        if type(mine[0]) is Accepted and len(mine) == 1:  # nearly all
            results.append(Result(SENT, mine[0].provider_message_id, offset))
            continue
        result = _result(min(mine, key=_rank), offset)
        dead = dead_of(messages, mine, channel)
        results.append(result._replace(dead=dead) if dead else result)
    return results


def unsent(drafts: Sequence[Draft], answers: Sequence[Answer]) -> list[int]:
    """Which drafts were certainly not sent, and might be by another provider; `answers` as of `results_of`."""
    if FOR_OTHERS.isdisjoint(map(type, answers)):  # nearly always
        return []
    found, position = [], 0
    for number, each in enumerate(drafts):
        mine = answers[position : position + len(each.messages)]
        position += len(each.messages)
        if mine and type(min(mine, key=_rank)) in FOR_OTHERS:
            found.append(number)
    return found


def _rank(answer: Answer) -> int:
    return _RANK[type(answer)]


def _result(answer: Answer, offset: int) -> Result:
    if isinstance(answer, Accepted):
        return Result(SENT, answer.provider_message_id, offset)
    return Result(_outcome(answer), "", offset, answer.retry_after_ms if isinstance(answer, Throttled) else 0)


def _outcome(answer: Rejected | Unsupported | Throttled | Unavailable | Unknown) -> Outcome:
    detail = answer.detail[:MAX_DETAIL]
    if isinstance(answer, Rejected):
        return Outcome("failed", answer.reason, detail)
    if isinstance(answer, Unsupported):
        return Outcome("failed", "unsupported_content", detail)
    if isinstance(answer, Unknown):
        return Outcome("unknown", "no_answer", detail)
    if isinstance(answer, Throttled):
        return Outcome("failed", THROTTLED, detail)
    return Outcome("failed", MISCONFIGURED if answer.config else UNAVAILABLE, detail)
