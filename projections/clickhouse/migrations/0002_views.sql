-- What became of each recipient of each notification on each channel. `outcome` is the strongest that happened: a message that was sent at the second
-- attempt was sent; pending: nothing final yet.
CREATE OR REPLACE VIEW recipients AS
SELECT
    notification_id,
    channel,
    user_id,
    any(campaign) AS campaign,
    groupBitOr(transform(
        status,
        ['sent', 'delivered', 'opened', 'clicked', 'complained', 'bounced', 'suppressed', 'expired', 'cancelled', 'shed', 'failed', 'unknown', 'deferred'],
        [1, 3, 5, 13, 17, 33, 64, 128, 256, 512, 1024, 2048, 4096], 0)::UInt16) AS seen,
    multiIf(
        bitTest(seen, 0), 'sent', bitTest(seen, 6), 'suppressed', bitTest(seen, 7), 'expired', bitTest(seen, 8), 'cancelled', bitTest(seen, 9), 'shed',
        bitTest(seen, 10), 'failed', bitTest(seen, 11), 'unknown', 'pending') AS outcome
FROM status_events
GROUP BY notification_id, channel, user_id;

-- Distinct recipients and events by campaign, channel and status.
CREATE OR REPLACE VIEW delivery_summary AS
SELECT
    campaign,
    notification_id,
    channel,
    status,
    uniqExact(user_id) AS recipients,
    count() AS events,
    min(at) AS first_at,
    max(at) AS last_at
FROM status_events FINAL
GROUP BY campaign, notification_id, channel, status;

-- Why: distinct recipients by status and reason.
CREATE OR REPLACE VIEW reasons AS
SELECT campaign, notification_id, channel, status, reason, uniqExact(user_id) AS recipients
FROM status_events
WHERE reason != ''
GROUP BY campaign, notification_id, channel, status, reason;

-- Distinct recipients by what happened to them; the hour is that in which the notification was accepted.
CREATE OR REPLACE VIEW rates AS
SELECT
    toStartOfHour(accepted_at) AS hour,
    campaign,
    category,
    channel,
    provider,
    template_id,
    template_version,
    uniqExactIf((notification_id, user_id), status = 'sent') AS sent,
    uniqExactIf((notification_id, user_id), status = 'delivered') AS delivered,
    uniqExactIf((notification_id, user_id), status = 'opened') AS opened,
    uniqExactIf((notification_id, user_id), status = 'clicked') AS clicked,
    uniqExactIf((notification_id, user_id), status = 'failed') AS failed,
    uniqExactIf((notification_id, user_id), status = 'bounced') AS bounced,
    uniqExactIf((notification_id, user_id), status = 'complained') AS complained,
    uniqExactIf((notification_id, user_id), status = 'suppressed') AS suppressed,
    uniqExactIf((notification_id, user_id), status = 'unknown') AS unknown
FROM status_events
GROUP BY hour, campaign, category, channel, provider, template_id, template_version;

-- One line per notification and channel. pending = audience - (sent + suppressed + expired + cancelled + shed + failed + unknown); exact once the
-- audience is expanded, and below zero while statuses are ahead of the expansion.
CREATE OR REPLACE VIEW funnel AS
SELECT
    notification_id,
    channel,
    toInt64(sum(part.audience)) AS audience,
    toInt64(sum(part.queued)) AS queued,
    toInt64(sum(part.sent)) AS sent,
    toInt64(sum(part.delivered)) AS delivered,
    toInt64(sum(part.opened)) AS opened,
    toInt64(sum(part.clicked)) AS clicked,
    toInt64(sum(part.bounced)) AS bounced,
    toInt64(sum(part.complained)) AS complained,
    toInt64(sum(part.suppressed)) AS suppressed,
    toInt64(sum(part.expired)) AS expired,
    toInt64(sum(part.cancelled)) AS cancelled,
    toInt64(sum(part.shed)) AS shed,
    toInt64(sum(part.failed)) AS failed,
    toInt64(sum(part.unknown)) AS unknown,
    audience - (sent + suppressed + expired + cancelled + shed + failed + unknown) AS pending
FROM
(
    SELECT
        notification_id,
        arrayJoin(arrayDistinct(arrayConcat(mapKeys(e.queued), mapKeys(e.suppressed))))::String AS channel,
        toUInt64(e.queued[channel] + e.suppressed[channel]) AS audience,
        toUInt64(e.queued[channel]) AS queued,
        0::UInt64 AS sent, 0::UInt64 AS delivered, 0::UInt64 AS opened, 0::UInt64 AS clicked, 0::UInt64 AS bounced, 0::UInt64 AS complained,
        0::UInt64 AS suppressed, 0::UInt64 AS expired, 0::UInt64 AS cancelled, 0::UInt64 AS shed, 0::UInt64 AS failed, 0::UInt64 AS unknown
    FROM expansions AS e FINAL
    UNION ALL
    SELECT
        notification_id,
        channel::String,
        0, 0,
        countIf(outcome = 'sent'), countIf(bitTest(seen, 1)), countIf(bitTest(seen, 2)), countIf(bitTest(seen, 3)), countIf(bitTest(seen, 5)),
        countIf(bitTest(seen, 4)), countIf(outcome = 'suppressed'), countIf(outcome = 'expired'), countIf(outcome = 'cancelled'),
        countIf(outcome = 'shed'), countIf(outcome = 'failed'), countIf(outcome = 'unknown')
    FROM recipients
    GROUP BY notification_id, channel
) AS part
GROUP BY notification_id, channel;

-- How far each audience was expanded.
CREATE OR REPLACE VIEW expansion_progress AS
SELECT
    notification_id,
    sum(users) AS users,
    count() AS chunks,
    countIf(last) AS finished_partitions,
    max(partitions) AS partitions,
    finished_partitions >= partitions AS complete
FROM expansions FINAL
GROUP BY notification_id;

-- From acceptance to the provider's yes, in ms, exact quantiles.
CREATE OR REPLACE VIEW latency AS
SELECT
    campaign,
    notification_id,
    channel,
    priority,
    count() AS events,
    quantilesExact(0.5, 0.9, 0.95, 0.99)(latency_ms) AS quantiles_ms,
    max(latency_ms) AS max_ms
FROM status_events FINAL
WHERE status = 'sent'
GROUP BY campaign, notification_id, channel, priority;

-- Events in each second.
CREATE OR REPLACE VIEW throughput AS
SELECT toStartOfSecond(at) AS second, notification_id, channel, status, count() AS events
FROM status_events FINAL
GROUP BY second, notification_id, channel, status;
