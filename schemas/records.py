"""The records of `schemas/avro/`, as frozen structs of the same names and fields (a test holds that).

Times are `int` milliseconds since the epoch (Avro `timestamp-millis`). The meaning of each field is in the `.avsc`, which is the contract.
"""

from enum import StrEnum

import msgspec


class Priority(StrEnum):
    """Lane of the deliver topics."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of everything on the wire. Records hold no cycles, so the garbage collector need not look at them."""


class Attachment(Record, frozen=True):
    filename: str
    content_type: str
    content: bytes
    content_id: str = ""


class EmailOverrides(Record, frozen=True):
    from_name: str = ""
    reply_to: list[str] = []
    cc: list[str] = []
    bcc: list[str] = []
    headers: dict[str, str] = {}
    attachments: list[Attachment] = []


class PushOverrides(Record, frozen=True):
    image: str = ""
    link: str = ""
    sound: str = ""
    badge: int | None = None
    category: str = ""
    thread: str = ""
    android_channel: str = ""
    collapse_key: str = ""
    data: dict[str, str] = {}


class SmsOverrides(Record, frozen=True):
    media: list[str] = []


class ChatOverrides(Record, frozen=True):
    link: str = ""
    image: str = ""
    thread: str = ""


class Overrides(Record, frozen=True):
    email: EmailOverrides | None = None
    push: PushOverrides | None = None
    sms: SmsOverrides | None = None
    chat: ChatOverrides | None = None


class Notification(Record, frozen=True):
    notification_id: str
    event_type: str
    source: str
    campaign: str
    template_id: str
    template_version: int
    category: str
    priority: Priority
    channels: list[str]
    data: dict[str, str]
    occurred_at: int
    accepted_at: int
    expires_at: int | None = None
    not_before: int | None = None
    local_minute: int | None = None
    digest_key: str = ""
    actor: str = ""
    withheld: dict[str, str] = {}
    overrides: Overrides | None = None


class Audience(Record, frozen=True):
    users: list[str] = []
    expression: str = ""
    data: list[dict[str, str]] = []


class NotificationRequested(Record, frozen=True):
    notification: Notification
    audience: Audience
    idempotency_key: str
    rules_version: str = ""
    part: int = 0
    users_in_all: int = 0


class ExpandAudience(Record, frozen=True, kw_only=True):
    notification: Notification
    users: list[str] = []
    expression: str = ""
    cursor: str = ""
    chunk: int = 0
    last: bool = True
    partitions: int
    not_before: int = 0
    hold_id: str = ""
    channels: list[str] = []
    tried: str = ""
    counted: list[bool] = []
    data: list[dict[str, str]] = []
    attempts: int = 0
    tried_since: int = 0


class ControlCampaign(Record, frozen=True, kw_only=True):
    notification_id: str
    command_id: str
    action: str
    per_second: int = 0
    by: str = ""
    at: int


class DigestWindowEnded(Record, frozen=True):
    user_id: str
    category: str
    digest_key: str
    window: str


class UserSeen(Record, frozen=True):
    user_id: str
    at: int
    source: str


class PolicyPublished(Record, frozen=True, kw_only=True):
    text: str
    by: str = ""
    at: int


class ReplayStarted(Record, frozen=True, kw_only=True):
    replay_id: str
    by: str = ""
    at: int
    filters: dict[str, str]
    rate: int = 0


class ReplayEnded(Record, frozen=True, kw_only=True):
    replay_id: str
    at: int
    counts: dict[str, int]


class AudienceExpanded(Record, frozen=True):
    notification_id: str
    partition: int
    chunk: int
    partitions: int
    last: bool
    users: int
    queued: dict[str, int]
    suppressed: dict[str, int]
    at: int
    fanout_offset: int
    hold_id: str = ""
    deferred: dict[str, int] = {}
    tried: str = ""


class DeliverBatch(Record, frozen=True):
    batch_id: str
    notification: Notification
    channel: str
    users: list[str]
    profile_offsets: list[int]
    policy_version: str
    decided_at: int
    fanout_offset: int
    counted_on: list[int] = []
    partitions: int = 0
    followed: bool = False
    data: list[dict[str, str]] = []
    attempts: int = 0
    tried_since: int = 0


class SendsEnded(Record, frozen=True):
    notification_id: str
    fanout_offset: int
    category: str
    channel: str
    users: list[str]
    counted_on: list[int]
    counted_at: int


class Outcome(Record, frozen=True):
    status: str
    reason: str = ""
    detail: str = ""


class StatusBatch(Record, frozen=True, kw_only=True):
    status_id: str
    notification: Notification
    channel: str
    batch_id: str = ""
    provider: str = ""
    attempt: int = 0
    users: list[str]
    outcomes: list[Outcome]
    outcome_of: list[int]
    provider_message_ids: list[str] = []
    profile_offsets: list[int]
    policy_version: str = ""
    at: int
    caused_by_topic: str
    caused_by_partition: int
    caused_by_offset: int
    providers: list[str] = []
    provider_of: list[int] = []
    data: list[dict[str, str]] = []


class ChannelEnded(Record, frozen=True, kw_only=True):
    notification: Notification
    channel: str
    batch_id: str = ""
    users: list[str]
    outcomes: list[Outcome]
    outcome_of: list[int]
    at: int


class ChannelOverdue(Record, frozen=True):
    notification: Notification
    channel: str
    users: list[str]


class Device(Record, frozen=True):
    platform: str
    token: str


class QuietHours(Record, frozen=True):
    start_minute: int
    end_minute: int


class ProfileChanged(Record, frozen=True):
    user_id: str
    source: str
    source_position: int
    occurred_at: int
    deleted: bool = False
    channels: list[str] | None = None
    muted_categories: list[str] | None = None
    email: str | None = None
    phone: str | None = None
    phone_verified: bool | None = None
    devices: list[Device] | None = None
    language: str | None = None
    time_zone: str | None = None
    quiet_hours: QuietHours | None = None
    frequency_cap: int | None = None
    tags: list[str] | None = None
    daily_digest: int | None = None
    reset: list[str] = []
    whole: bool = False
    add_devices: list[Device] = []
    remove_devices: list[str] = []
    suppress: dict[str, str] = {}
    unsuppress: list[str] = []
    unsubscribe: list[str] = []
    resubscribe: list[str] = []
    chat: dict[str, str] | None = None


class ProfilesChanged(Record, frozen=True):
    changes: list[ProfileChanged]


class Profile(Record, frozen=True, kw_only=True):
    user_id: str
    channels: list[str]
    muted_categories: list[str] = []
    email: str = ""
    phone: str = ""
    phone_verified: bool = False
    devices: list[Device] = []
    language: str = "en"
    time_zone: str = "UTC"
    quiet_hours: QuietHours | None = None
    frequency_cap: int = 100
    tags: list[str] = []
    updated_at: int
    applied_offset: int
    source_positions: dict[str, int] = {}
    daily_digest: int | None = None
    suppressed: dict[str, str] = {}
    unsubscribed: list[str] = []
    chat: dict[str, str] = {}


class FeedbackReceived(Record, frozen=True, kw_only=True):
    provider: str
    channel: str
    provider_message_id: str
    notification_id: str = ""
    user_id: str = ""
    kind: str
    detail: str = ""
    occurred_at: int
    received_at: int
    raw: bytes = b""
    ref: str = ""
    address: str = ""
    reason: str = ""
    event_id: str = ""


class FeedbacksReceived(Record, frozen=True):
    events: list[FeedbackReceived]


class DeadLetter(Record, frozen=True, kw_only=True):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: dict[str, bytes] = {}
    step: str
    reason: str
    detail: str
    stack_hash: str = ""
    failed_at: int
    state: str = "dead"


class DeadAddress(Record, frozen=True):
    user_id: str
    address: str
    reason: str


class LedgerEntry(Record, frozen=True):
    source_offset: int
    intended: int
    done: int
    outcomes: list[Outcome] = []
    outcome_of: list[int] = []
    provider_message_ids: list[str] = []
    profile_offsets: list[int] = []
    provider: str = ""
    attempt: int = 1
    finished_at: int | None = None
    providers: list[str] = []
    provider_of: list[int] = []
    retry_at: int | None = None
    dead: list[DeadAddress] = []


class Output(Record, frozen=True, kw_only=True):
    """A record to be written. `partition` -1: by the key's hash."""

    topic: str
    partition: int = -1
    key: bytes
    value: bytes | None = None


class Write(Record, frozen=True):
    """A new value of a step's own table; None removes it."""

    table: str
    key: bytes
    value: bytes | None = None


class StepCommitted(Record, frozen=True):
    applied: int
    outputs: list[Output]
    writes: list[Write] = []


class SetTimer(Record, frozen=True):
    timer_id: str
    due: int
    kind: str = ""
    write: Output | None = None
