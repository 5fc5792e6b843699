"""Vonage's statuses and error codes: what each says of a message, with Vonage's own words beside it. Pure data."""

Ends = dict[str, tuple[str, str]]

MESSAGE_STATUSES = {
    "submitted": "sent",
    "delivered": "delivered",
    "read": "read",
    "rejected": "failed",
    "undeliverable": "soft_bounced",
}
"""Messages API, https://developer.vonage.com/en/messages/concepts/messages-status-callbacks. `undeliverable`: Vonage's provider is away."""

RECEIPT_STATUSES = {
    "accepted": "accepted",
    "delivered": "delivered",
    "buffered": "deferred",
    "expired": "soft_bounced",
    "failed": "failed",
    "rejected": "failed",
    "undelivered": "failed",
}
"""SMS API, https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts. `unknown`, «no useful information», stays `other:`."""

RECEIPT_ERRORS: Ends = {
    "1": ("soft_bounced", "unknown"),  # Unknown
    "2": ("soft_bounced", "absent_temporarily"),  # Absent Subscriber - Temporary
    "3": ("bounced", "absent_permanently"),  # Absent Subscriber - Permanent: should be removed from your database
    "4": ("bounced", "barred_by_user"),  # Call Barred by User: should be removed from your database
    "5": ("failed", "portability"),  # Portability Error
    "6": ("failed", "anti_spam"),  # Anti-Spam Rejection
    "7": ("soft_bounced", "handset_busy"),  # Handset Busy
    "8": ("soft_bounced", "network_error"),  # Network Error
    "9": ("stopped", "opted_out"),  # Illegal Number: the user has requested not to receive messages
    "10": ("failed", "illegal_message"),  # Illegal Message
    "11": ("failed", "unroutable"),  # Unroutable
    "12": ("failed", "destination_unreachable"),  # Destination Unreachable
    "13": ("failed", "age_restriction"),  # Subscriber Age Restriction
    "14": ("failed", "blocked_by_carrier"),  # Number Blocked by Carrier
    "15": ("failed", "prepaid_insufficient_funds"),  # Prepaid Insufficient Funds
    "99": ("failed", "general_error"),  # General Error
}
"""err-code of a delivery receipt. https://api.support.vonage.com/hc/en-us/articles/204014733 (all but 0 are failures)."""

MESSAGE_ERRORS: Ends = {
    "1000": ("failed", "throttled"),  # Throttled
    "1010": ("failed", "missing_params"),  # Missing params
    "1020": ("failed", "invalid_params"),  # Invalid params
    "1021": ("failed", "invalid_tag"),  # Invalid tag
    "1022": ("failed", "invalid_template"),  # Invalid template
    "1030": ("soft_bounced", "internal_error"),  # Internal error
    "1040": ("failed", "invalid_message"),  # Invalid message: for example an unrecognised prefix for the phone number
    "1050": ("bounced", "number_barred"),  # Number barred: is blacklisted and may not receive messages
    "1060": ("failed", "account_barred"),  # Partner account barred
    "1070": ("failed", "quota_exceeded"),  # Provider quota exceeded
    "1080": ("failed", "account_not_enabled"),  # Account not enabled for REST
    "1090": ("failed", "too_long"),  # Message too long
    "1100": ("soft_bounced", "communication_failed"),  # Communication Failed
    "1120": ("failed", "illegal_sender"),  # Illegal Sender Address
    "1130": ("failed", "invalid_ttl"),  # Invalid TTL
    "1140": ("failed", "not_allowed"),  # Facility not allowed
    "1150": ("failed", "invalid_class"),  # Invalid Message class
    "1160": ("failed", "not_whitelisted"),  # Non White-listed Destination
    "1170": ("bounced", "invalid_recipient"),  # Invalid recipient
    "1180": ("soft_bounced", "temporarily_unavailable"),  # Destination temporarily unavailable
    "1190": ("bounced", "absent_permanently"),  # Absent Subscriber Permanent: should remove this phone number
    "1200": ("failed", "portability"),  # Portability Error
    "1210": ("failed", "anti_spam"),  # Anti-Spam Rejection
    "1220": ("soft_bounced", "handset_busy"),  # Handset Busy
    "1230": ("soft_bounced", "network_failure"),  # Temporary network failure
    "1240": ("stopped", "opted_out"),  # Illegal Number: the user has already sent a STOP
    "1241": ("failed", "too_many_requests"),  # Too many send requests
    "1242": ("failed", "no_number_pool"),  # Number pool does not exist
    "1250": ("failed", "unroutable"),  # Unroutable
    "1251": ("failed", "unroutable"),  # Unable to route traffic to a destination
    "1260": ("failed", "destination_unreachable"),  # Destination unreachable
    "1270": ("failed", "age_restriction"),  # Subscriber Age Restriction
    "1280": ("failed", "blocked_by_carrier"),  # Number Blocked by Carrier
    "1282": ("failed", "rejected_by_provider"),  # Message rejected by provider
    "1290": ("failed", "prepaid_insufficient_funds"),  # Pre-Paid - Insufficient funds
    "1300": ("bounced", "not_in_network"),  # Not part of the provider network: is not a user in the provider network
    "1310": ("failed", "not_suitable_device"),  # Not suitable device
    "1320": ("failed", "already_sent"),  # Message already sent
    "1330": ("failed", "delivery_failed"),  # Delivery failed: an unknown permanent failure
    "1331": ("soft_bounced", "provider_error"),  # Provider error
    "1340": ("failed", "outside_window"),  # Outside of the allowed window
    "1350": ("failed", "matching_fee"),  # Phone matching fee not paid
    "1360": ("soft_bounced", "expired"),  # TTL was activated, or message expired before delivered
    "1370": ("failed", "expired_token"),  # Expired access Token
    "1380": ("failed", "invalid_resource"),  # Invalid resource
    "1381": ("failed", "resource_too_large"),  # Resource size is too large
    "1382": ("failed", "resource_unsupported"),  # Unsupported resource type
    "1400": ("failed", "unsupported_channel"),  # Unsupported channel
    "1410": ("failed", "invalid_params"),  # Invalid channel parameters
    "1420": ("failed", "invalid_sender"),  # Invalid sender
    "1430": ("bounced", "invalid_recipient"),  # Invalid recipient: the to parameter is invalid for the given channel
    "1431": ("failed", "several_recipients"),  # Multiple recipients error
    "1440": ("failed", "invalid_type"),  # Invalid message type
    "1450": ("failed", "invalid_reference"),  # Invalid client reference
    "1451": ("failed", "invalid_context"),  # Invalid context
    "1460": ("failed", "daily_limit"),  # Daily message limit exceeded
    "1461": ("soft_bounced", "limited_by_provider"),  # Auto-limiting of messages by Provider
    "1470": ("failed", "fraud_defender"),  # Fraud Defender Traffic Rule
    "1472": ("failed", "fraud_defender"),  # Fraud Defender SMS Burst Protection
    "1473": ("failed", "fraud_defender"),  # AIT Protection
    "1474": ("failed", "fraud_defender"),  # Fraud Defender: country block
    "1475": ("failed", "fraud_defender"),  # Fraud Defender: network block
    "1476": ("failed", "do_not_originate"),  # Do Not Originate
    "1480": ("failed", "entity_filter"),  # Entity Filter
    "1481": ("failed", "header_filter"),  # Header Filter
    "1482": ("failed", "content_filter"),  # Content Filter
    "1483": ("failed", "consent_filter"),  # Consent Filter
    "1484": ("failed", "compliance"),  # Authentication or compliance failure
    "1490": ("other:segment_timeout", "segment_timeout"),  # SMS segment timeout: the delivery status is unknown
    "2001": ("failed", "fraud_protection"),  # Fraud protection triggered
    "2002": ("failed", "too_large"),  # Email size exceeded
    "2003": ("bounced", "suppressed"),  # Destination unavailable: the e-mail address is in the suppression list
}
"""Code of the `error` object. https://developer.vonage.com/en/api-errors/messages"""
