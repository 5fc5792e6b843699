-- Who is told in a digest has an end of their own; what became of the digest is told under its id, which is the detail.
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
GROUP BY notification_id, channel, user_id;

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
    toInt64(sum(part.digested)) AS digested,
    audience - (sent + suppressed + expired + cancelled + shed + failed + unknown + digested) AS pending
FROM
(
    SELECT
        notification_id,
        arrayJoin(arrayDistinct(arrayConcat(mapKeys(e.queued), mapKeys(e.suppressed))))::String AS channel,
        toUInt64(e.users) AS audience,
        toUInt64(e.queued[channel]) AS queued,
        0::UInt64 AS sent, 0::UInt64 AS delivered, 0::UInt64 AS opened, 0::UInt64 AS clicked, 0::UInt64 AS bounced, 0::UInt64 AS complained,
        0::UInt64 AS suppressed, 0::UInt64 AS expired, 0::UInt64 AS cancelled, 0::UInt64 AS shed, 0::UInt64 AS failed, 0::UInt64 AS unknown,
        0::UInt64 AS digested
    FROM expansions AS e FINAL
    UNION ALL
    SELECT
        notification_id,
        channel::String,
        0, 0,
        countIf(outcome = 'sent'), countIf(bitTest(seen, 1)), countIf(bitTest(seen, 2)), countIf(bitTest(seen, 3)), countIf(bitTest(seen, 5)),
        countIf(bitTest(seen, 4)), countIf(outcome = 'suppressed'), countIf(outcome = 'expired'), countIf(outcome = 'cancelled'),
        countIf(outcome = 'shed'), countIf(outcome = 'failed'), countIf(outcome = 'unknown'),
        countIf(outcome = 'digested')
    FROM recipients
    GROUP BY notification_id, channel
) AS part
GROUP BY notification_id, channel;
