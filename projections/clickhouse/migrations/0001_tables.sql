-- One row per status of one recipient. Merged a column at a time, which takes a third of the memory. The same event has the same sorting key, so that a repetition is the same row; of two, the later record stays.
CREATE TABLE IF NOT EXISTS status_events (
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    notification_id String,
    user_id String,
    channel LowCardinality(String),
    status LowCardinality(String),
    reason LowCardinality(String),
    detail String,
    provider LowCardinality(String),
    provider_message_id String,
    attempt UInt16,
    event_type LowCardinality(String),
    campaign LowCardinality(String),
    category LowCardinality(String),
    priority LowCardinality(String),
    template_id LowCardinality(String),
    template_version Int32,
    source LowCardinality(String),
    occurred_at DateTime64(3, 'UTC'),
    accepted_at DateTime64(3, 'UTC'),
    latency_ms Int64 DEFAULT dateDiff('millisecond', accepted_at, at),
    policy_version LowCardinality(String),
    profile_offset Int64,
    batch_id String,
    status_id String,
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    item UInt32,
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_notification notification_id TYPE bloom_filter(0.001) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY toYYYYMM(accepted_at)
PRIMARY KEY (toStartOfHour(accepted_at), campaign, notification_id, channel)
ORDER BY (toStartOfHour(accepted_at), campaign, notification_id, channel, status_id, item, user_id)
TTL toDateTime(accepted_at) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1;

-- What was asked for. Of two requests with one id the first stays.
CREATE TABLE IF NOT EXISTS notifications (
    notification_id String,
    event_type LowCardinality(String),
    source LowCardinality(String),
    campaign LowCardinality(String),
    template_id LowCardinality(String),
    template_version Int32,
    category LowCardinality(String),
    priority LowCardinality(String),
    channels Array(LowCardinality(String)),
    data Map(String, String),
    occurred_at DateTime64(3, 'UTC'),
    accepted_at DateTime64(3, 'UTC'),
    expires_at Nullable(DateTime64(3, 'UTC')),
    audience_users UInt32,
    audience_expression String,
    idempotency_key String,
    rules_version LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    version UInt64 DEFAULT bitNot(toUInt64(offset))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY notification_id
TTL toDateTime(accepted_at) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

-- What the audience was, chunk by chunk.
CREATE TABLE IF NOT EXISTS expansions (
    at DateTime64(3, 'UTC'),
    notification_id String,
    user_partition Int32,
    chunk Int32,
    partitions Int32,
    last Bool,
    users UInt32,
    queued Map(LowCardinality(String), UInt32),
    suppressed Map(LowCardinality(String), UInt32),
    fanout_offset Int64,
    topic LowCardinality(String),
    partition Int32,
    offset Int64
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY toYYYYMM(at)
ORDER BY (notification_id, user_partition, chunk)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
