"""The statements that read."""

from projections.cassandra.entries import MILESTONES
from projections.cassandra.statements import DETAILS

_ABOUT = "event_type, campaign, category, priority, template_id, template_version"
_WRITTEN = ", ".join(f"WRITETIME({name}) AS {name}_us" for name in DETAILS)
_TIMES = ", ".join(f"{status}_at" for status in MILESTONES)

HISTORY = f"""
    SELECT user_id, created_at, notification_id, channel, {_ABOUT}, {", ".join(DETAILS)}, {_WRITTEN}, {_TIMES}, other_at
    FROM KEYSPACE.notification_history WHERE user_id = ? AND created_at <= ?"""
OUTCOMES = f"""
    SELECT created_at, notification_id, channel, status_id, {_ABOUT}, expires_at, provider, attempt, policy_version, at, recipients
    FROM KEYSPACE.campaign_outcomes WHERE bucket = ? AND month = ? AND created_at <= ?"""
# filters within one partition: spares the wire the blobs of other channels
IN_APP = OUTCOMES + " AND created_at >= ? AND channel = 'in_app' ALLOW FILTERING"
INBOX = """
    SELECT created_at, notification_id, template_id, template_version, category, data, expires_at
    FROM KEYSPACE.inbox WHERE user_id = ? LIMIT ?"""
READS = "SELECT notification_id, read_at FROM KEYSPACE.inbox_reads WHERE user_id = ?"
HEADER = "SELECT * FROM KEYSPACE.notifications WHERE notification_id = ?"
EXPANSIONS = (
    "SELECT partition, chunk, partitions, last, users, queued, suppressed FROM KEYSPACE.notification_expansions WHERE notification_id = ?"
)
EVENTS = """
    SELECT partition, status_id, at, channel, batch_id, provider, attempt, policy_version, users, tally, caused_by_topic,
    caused_by_partition, caused_by_offset, record_topic, record_offset
    FROM KEYSPACE.notification_events WHERE notification_id = ? AND partition = ?"""
EVENT_BLOBS = EVENTS.replace("record_offset\n", "record_offset, recipients\n")
