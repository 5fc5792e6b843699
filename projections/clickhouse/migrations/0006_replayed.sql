-- What failed, or is not known, is no end any more when a replay has reopened it: a row `deferred`, `replayed` of the same batch says so. Views of what
-- became of recipients leave it out.
CREATE OR REPLACE VIEW reopened AS
SELECT batch_id, user_id
FROM status_events
WHERE status = 'deferred' AND reason = 'replayed';

CREATE OR REPLACE VIEW recipients AS
SELECT
    notification_id,
    channel,
    user_id,
    any(campaign) AS campaign,
    groupBitOr(transform(
        status,
        ['sent', 'delivered', 'opened', 'clicked', 'complained', 'bounced', 'suppressed', 'expired', 'cancelled', 'shed', 'failed', 'unknown', 'deferred', 'digested'],
        [1, 3, 5, 13, 17, 33, 64, 128, 256, 512, 1024, 2048, 4096, 8192], 0)::UInt16) AS seen,
    multiIf(
        bitTest(seen, 0), 'sent', bitTest(seen, 6), 'suppressed', bitTest(seen, 7), 'expired', bitTest(seen, 8), 'cancelled', bitTest(seen, 9), 'shed',
        bitTest(seen, 10), 'failed', bitTest(seen, 11), 'unknown', bitTest(seen, 13), 'digested', 'pending') AS outcome
FROM status_events
WHERE status NOT IN ('failed', 'unknown') OR (batch_id, user_id) NOT IN (SELECT batch_id, user_id FROM reopened)
GROUP BY notification_id, channel, user_id;

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
WHERE status NOT IN ('failed', 'unknown') OR (batch_id, user_id) NOT IN (SELECT batch_id, user_id FROM reopened)
GROUP BY campaign, notification_id, channel, status;

CREATE OR REPLACE VIEW reasons AS
SELECT campaign, notification_id, channel, status, reason, uniqExact(user_id) AS recipients
FROM status_events
WHERE reason != '' AND (status NOT IN ('failed', 'unknown') OR (batch_id, user_id) NOT IN (SELECT batch_id, user_id FROM reopened))
GROUP BY campaign, notification_id, channel, status, reason;

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
WHERE status NOT IN ('failed', 'unknown') OR (batch_id, user_id) NOT IN (SELECT batch_id, user_id FROM reopened)
GROUP BY hour, campaign, category, channel, provider, template_id, template_version;
