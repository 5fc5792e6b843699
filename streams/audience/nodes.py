"""What an audience expression says, as a tree of frozen nodes, and its normal form. Pure.

In normal form a `Not` is around a term, an `And` holds no `And` and an `Or` no `Or`, nothing is said twice, and everybody and nobody stand
alone. So whatever can be found by its index is seen to be so: `not (not a and not b)` is `a or b`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

TAG, PLATFORM, USER = "tag", "platform", "user"


@dataclass(frozen=True, slots=True)
class Everybody:
    """Every user with a profile."""


@dataclass(frozen=True, slots=True)
class Nobody:
    """What is left of a contradiction."""


@dataclass(frozen=True, slots=True)
class Term:
    """Those with a tag, with a device of a platform, or one user. `kind`: TAG, PLATFORM or USER."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """Everybody else."""

    of: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """Those in all of them."""

    of: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Those in one of them at least."""

    of: tuple["Expression", ...]


Expression: TypeAlias = Everybody | Nobody | Term | Not | And | Or


def normal(expression: Expression, *, negated: bool = False) -> Expression:
    """The normal form of `expression`, or of everybody else when it is `negated`."""
    match expression:
        case Not(of):
            return normal(of, negated=not negated)
        case And(of) | Or(of):
            kind = Or if isinstance(expression, And) is negated else And
            return _joined(kind, [normal(part, negated=negated) for part in of])
        case Everybody():
            return Nobody() if negated else expression
        case Nobody():
            return Everybody() if negated else expression
    return Not(expression) if negated else expression


def _joined(kind: type[And] | type[Or], parts: Sequence[Expression]) -> Expression:
    """`parts` in normal form, joined and in normal form again."""
    neutral, decides = (Everybody(), Nobody()) if kind is And else (Nobody(), Everybody())
    flat = [one for part in parts for one in (part.of if isinstance(part, kind) else (part,))]
    distinct = [one for one in dict.fromkeys(flat) if one != neutral]
    if decides in distinct or any(Not(one) in distinct for one in distinct):
        return decides
    return kind(tuple(distinct)) if len(distinct) > 1 else distinct[0] if distinct else neutral
