"""Twilio's statuses and error codes: what each says of a message, with Twilio's own words beside it. Pure data."""

STATUSES = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
"""https://www.twilio.com/docs/messaging/api/message-resource#message-status-values"""

ENDS = {
    "21211": ("bounced", "invalid_number"),  # Invalid 'To' Phone Number
    "21214": ("failed", "unreachable"),  # 'To' phone number cannot be reached
    "21217": ("bounced", "invalid_number"),  # Phone number does not appear to be valid
    "21610": ("stopped", "opted_out"),  # Attempt to send to unsubscribed recipient
    "21614": ("bounced", "not_mobile"),  # 'To' number is not a valid mobile number
    "21635": ("bounced", "landline"),  # 'To' number cannot be a landline
    "30003": ("soft_bounced", "unreachable"),  # Unreachable destination handset
    "30004": ("failed", "blocked"),  # Message blocked
    "30005": ("bounced", "unknown_number"),  # Unknown destination handset: it may no longer exist
    "30006": ("bounced", "landline"),  # Landline or unreachable carrier
    "30007": ("failed", "filtered"),  # Message filtered
    "30008": ("soft_bounced", "undelivered"),  # Unknown error
    "30017": ("soft_bounced", "carrier_busy"),  # Carrier network congestion
    "30410": ("soft_bounced", "carrier_silent"),  # Provider Timeout Error
    "63003": ("failed", "not_on_channel"),  # Channel could not find To address: it may well get text messages
    "63014": ("stopped", "blocked_by_user"),  # Channel message blocked by user action
    "63024": ("failed", "not_on_channel"),  # Invalid message recipient
    "63033": ("stopped", "blocked_by_user"),  # Recipient blocked to receive message
}
"""What the ErrorCode of a message that failed says of the recipient: kind and reason. https://www.twilio.com/docs/api/errors; others say
nothing of him and are `failed`, with the code in the reason.
"""

OPT_OUT = {"STOP": "stopped", "START": "started", "HELP": "other:help"}
