"""The statements that write, by name. All are idempotent: the write time is an argument, and no column is read before it is written."""

from projections.cassandra.entries import MILESTONES

_USING = "USING TIMESTAMP ? AND TTL ?"
_HISTORY_KEY = ("user_id", "created_at", "notification_id", "channel")
DETAILS = (
    "status", "reason", "detail", "provider", "provider_message_id", "attempt", "profile_offset", "policy_version",
)  # fmt: skip
_HISTORY = (
    "event_type", "campaign", "category", "priority", "template_id", "template_version", *DETAILS,
)  # fmt: skip
_NOTIFICATION = (
    "notification_id", "event_type", "source", "campaign", "template_id", "template_version", "category", "priority", "channels", "data",
    "occurred_at", "accepted_at", "expires_at", "not_before", "local_minute", "audience_users", "audience_expression", "idempotency_key",
    "rules_version", "overrides", "request_topic", "request_partition", "request_offset",
)  # fmt: skip
_EXPANSION = (
    "notification_id", "partition", "chunk", "partitions", "last", "users", "queued", "suppressed", "at", "fanout_offset", "record_offset",
)  # fmt: skip
_EVENT = (
    "notification_id", "partition", "status_id", "at", "channel", "batch_id", "provider", "attempt", "policy_version", "users", "tally",
    "caused_by_topic", "caused_by_partition", "caused_by_offset", "record_topic", "record_offset", "recipients",
)  # fmt: skip
_OUTCOMES = (
    "bucket", "month", "created_at", "notification_id", "channel", "status_id", "event_type", "campaign", "category", "priority",
    "template_id", "template_version", "expires_at", "provider", "attempt", "policy_version", "at", "users", "recipients",
)  # fmt: skip
_INBOX = ("user_id", "created_at", "notification_id", "template_id", "template_version", "category", "data", "expires_at", "at")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO KEYSPACE.{table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) {_USING}"


def _line(assignment: str) -> str:
    # an UPDATE leaves no row marker behind: the line lives exactly as long as its cells
    columns = ", ".join(f"{name} = ?" for name in _HISTORY)
    where = " AND ".join(f"{name} = ?" for name in _HISTORY_KEY)
    return f"UPDATE KEYSPACE.notification_history {_USING} SET {columns}, {assignment} WHERE {where}"


def qualified(cql: str, keyspace: str) -> str:
    """A statement for one keyspace: Cassandra warns of prepared statements that depend on USE."""
    return cql.replace("KEYSPACE.", f'"{keyspace}".')


def history(status: str) -> str:
    """The name of the statement that writes a line of history for a status."""
    return f"history.{status}" if status in MILESTONES else "history.other"


NOTIFICATION = "notification"
PARTITION = "partition"
EXPANSION = "expansion"
EVENT = "event"
OUTCOMES = "outcomes"
INBOX = "inbox"
READ = "read"

STATEMENTS: dict[str, str] = {
    NOTIFICATION: _insert("notifications", _NOTIFICATION),
    PARTITION: f"UPDATE KEYSPACE.notifications {_USING} SET partitions = partitions + ? WHERE notification_id = ?",
    EXPANSION: _insert("notification_expansions", _EXPANSION),
    EVENT: _insert("notification_events", _EVENT),
    OUTCOMES: _insert("campaign_outcomes", _OUTCOMES),
    INBOX: _insert("inbox", _INBOX),
    READ: _insert("inbox_reads", ("user_id", "notification_id", "read_at")),
    "history.other": _line("other_at = other_at + ?"),
    **{f"history.{status}": _line(f"{status}_at = ?") for status in MILESTONES},
}
