"""What can go wrong in a projection.

ProjectionError
├── StoreUnavailable     the store did not take the rows within the retries: nothing is committed, start again later
├── TopicUnreadable      Kafka refuses a topic: missing, or not allowed
├── DeadLetterLost       a dead letter could not be written: nothing is committed
├── MigrationChanged     a migration was edited after it had been applied
├── MigrationLocked      another process holds the migration lock for too long
├── GroupBusy            offsets can't be reset while the group has members
├── EngineBusy           the embedded engine's folder is open in another process
└── QueryRefused         the store refused a query (its own words inside)
Unprojectable            (a RecordRefused) a record that decodes, but whose columns can't be rows: it goes to the DLQ
"""

from schemas.errors import RecordRefused


class ProjectionError(Exception):
    """Base of the errors of this package."""


class StoreUnavailable(ProjectionError):
    """The store did not take the rows within the retries."""


class TopicUnreadable(ProjectionError):
    """Kafka refuses a topic."""


class DeadLetterLost(ProjectionError):
    """A dead letter could not be written."""


class MigrationChanged(ProjectionError):
    """A migration was edited after it had been applied."""


class MigrationLocked(ProjectionError):
    """Another process holds the migration lock for too long."""


class GroupBusy(ProjectionError):
    """Offsets can't be reset while the group has members."""


class EngineBusy(ProjectionError):
    """The embedded engine's folder is open in another process."""


class QueryRefused(ProjectionError):
    """The store refused a query."""


class Unprojectable(RecordRefused):
    """The record decodes, but its columns can't be rows."""

    reason = "unprojectable"
