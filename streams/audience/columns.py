"""Records name users in a column, and say of each of them in others: which have to be as long. Pure."""

from collections.abc import Sized

from schemas.errors import RecordRefused
from schemas.records import ChannelEnded, ExpandAudience, Record, SendsEnded


class ColumnsUneven(RecordRefused):
    """A record whose columns do not fit together: it does not say what is whose."""

    reason = "columns_uneven"


def check(told: Record) -> None:
    """Raises ColumnsUneven."""
    match told:
        case ExpandAudience(users=users, data=data, counted=counted):
            _require(users, data=data or users, counted=counted or users)
        case ChannelEnded(users=users, outcome_of=outcome_of, outcomes=outcomes):
            _require(users, outcome_of=outcome_of)
            if outcome_of and not 0 <= min(outcome_of) <= max(outcome_of) < len(outcomes):
                raise ColumnsUneven(f"outcome_of from {min(outcome_of)} to {max(outcome_of)}, of {len(outcomes)} outcomes")
        case SendsEnded(users=users, counted_on=counted_on):
            _require(users, counted_on=counted_on)
            if counted_on and min(counted_on) < 1:
                raise ColumnsUneven(f"counted_on {min(counted_on)} channels")


def _require(users: Sized, **columns: Sized) -> None:
    for name, column in columns.items():
        if len(column) != len(users):
            raise ColumnsUneven(f"{len(users)} users, and {name} of {len(column)}")
