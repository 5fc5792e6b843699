"""Postmark's error codes: https://postmarkapp.com/developer/api/overview#api-error-codes. Data.

They are in the body and are no HTTP statuses: code 401 is an unconfirmed sender, status 401 a bad token. As of August 2026, by the copy in
https://github.com/api-evangelist/postmark (errors/postmark-problem-types.yml); 429 as of 2022, https://github.com/ActiveCampaign/postmark.js/issues/86.
"""

from providers.codes import Code

CODES: dict[int, Code] = {
    10: Code("config", "bad_token", "Bad or missing API token"),
    11: Code("permanent", "several_faults", "Multiple errors occurred"),
    100: Code("unavailable", "maintenance", "Maintenance"),
    300: Code("permanent", "invalid_request", "Invalid email request"),
    400: Code("config", "unknown_sender", "Sender Signature not found"),
    401: Code("config", "unconfirmed_sender", "Sender signature not confirmed"),
    402: Code("permanent", "invalid_json", "Invalid JSON"),
    403: Code("permanent", "invalid_field", "Invalid request field(s)"),
    405: Code("config", "no_credits", "Not allowed to send"),
    # Bounced, complained or unsubscribed, of this message stream: which of them only the webhook says, and the last ends no address.
    406: Code("permanent", "inactive_recipient", "Inactive recipient"),
    409: Code("config", "json_required", "JSON required"),
    410: Code("config", "batch_too_large", "Too many batch messages"),
    411: Code("unsupported", "attachment_type", "Forbidden attachment type"),
    412: Code("config", "account_pending", "Account is Pending"),
    413: Code("config", "account_may_not_send", "Account May Not Send"),
    429: Code("throttled", "rate_limit", "Rate Limit Exceeded"),
    1235: Code("config", "unknown_stream", "The 'MessageStream' provided does not exist on this server"),
    1236: Code("config", "not_a_sending_stream", "Sending is not supported on the supplied 'MessageStream'"),
}
"""What answers a message that is sent, in Postmark's own words."""

SENDER = Code("config", "unverified_sender", "Invalid 'From' address")
ADDRESS = Code("bad_address", "invalid_address", "Invalid 'To' address")
FOREIGN_ADDRESS = Code("unsupported", "international_address", "Invalid 'To' address")

OTHER_APIS: dict[int, str] = {
    12: "Resource not found",
    13: "Invalid pagination key",
    500: "Sender signature query exception",
    501: "Sender Signature not found by id",
    502: "No updated Sender Signature data received",
    503: "You cannot use a public domain",
    504: "Sender Signature already exists",
    505: "DKIM already scheduled for renewal",
    506: "This Sender Signature already confirmed",
    507: "You do not own this Sender Signature",
    510: "This domain was not found",
    511: "Invalid fields supplied",
    512: "Domain already exists",
    513: "You do not own this Domain",
    514: "Name is a required field to create a Domain",
    515: "Name field must be less than or equal to 255 characters",
    516: "Name format is invalid",
    520: "You are missing a required field to create a Sender Signature",
    521: "A field in the Sender Signature request is too long",
    522: "Value for field is invalid",
    600: "Server query exception",
    602: "Duplicate Inbound Domain",
    603: "Server name already exists",
    604: "You don't have delete access",
    605: "Unable to delete Server",
    606: "Invalid webhook URL",
    607: "Invalid Server color",
    608: "Server name missing or invalid",
    609: "No updated Server data received",
    610: "Invalid MX record for Inbound Domain",
    611: "InboundSpamThreshold value is invalid",
    700: "Messages query exception",
    701: "Message doesn't exist",
    702: "Could not bypass this blocked inbound message",
    703: "Could not retry this failed inbound message",
    800: "Trigger query exception",
    809: "No trigger data received",
    810: "This inbound rule already exists",
    811: "Unable to remove this inbound rule",
    812: "This inbound rule was not found",
    813: "Not a valid email address or domain",
    900: "Stats query exception",
    1000: "Bounces query exception",
    1001: "Bounce was not found",
    1002: "BounceID parameter required",
    1003: "Cannot activate bounce",
    1100: "Template query exception",
    1101: "Template not found",
    1105: "Template limit would be exceeded",
    1109: "No Template data received",
    1120: "A required Template field is missing",
    1121: "Template field is too large",
    1122: "A Templated field has been submitted that is invalid",
    1123: "A field was included in the request body that is not allowed",
    1125: "The template types don't match on the source and destination servers",
    1130: "The layout template cannot be deleted because it has dependent templates",
    1131: "The layout content placeholder must be present exactly once",
    1221: "The 'MessageStreamType' associated with this request was invalid",
    1222: "A valid 'ID' must be provided",
    1223: "A valid 'Name' must be provided",
    1224: "The 'Name' is too long (limit 100 characters)",
    1225: "Maximum number of message streams reached (10 per server)",
    1226: "The message stream for the provided 'ID' was not found",
    1227: "Invalid 'ID' format",
    1228: "A server can only have one inbound stream",
    1229: "You cannot archive the default transactional and inbound streams",
    1230: "The 'ID' provided already exists for this server",
    1231: "The 'Description' is too long (limit 1000 characters)",
    1232: "You cannot unarchive this message stream anymore",
    1233: "The 'ID' must not start with the 'pm-' prefix",
    1234: "The 'Description' must not contain HTML tags",
}
"""Of servers, signatures, templates, bounces and streams: no answer to a message. Who gets one calls something else than he means to."""

CODES |= {code: Code("config", "other_api", says) for code, says in OTHER_APIS.items()}

STATUSES: dict[int, Code] = {
    415: Code("config", "missing_headers", "Unsupported Media Type: the request is missing expected request headers"),
    500: Code("unknown", "server_error", "Internal Server Error: in most cases the message is lost during the process"),
}
"""HTTP statuses that mean something else here than elsewhere: https://postmarkapp.com/developer/api/overview#http-response-codes."""
