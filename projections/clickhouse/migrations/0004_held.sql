-- Who is held is of the audience too, and neither queued nor suppressed: the audience of a channel is all users, who are decided on every channel. Until
-- they are decided afresh they are pending.
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
        toUInt64(e.users) AS audience,
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
