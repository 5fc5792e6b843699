"""What a push service's statuses and error codes mean for us. Pure."""

from providers.codes import Code

STATUSES: dict[int, Code] = {
    400: Code("permanent", "bad_request", "One or more of the parameters specified is invalid"),
    401: Code("config", "unauthorized", "Authorization header is invalid or missing"),
    403: Code("config", "forbidden", "The VAPID credentials are not those of the subscription"),
    404: Code("bad_address", "not_found", "The subscription has expired, or its URL is invalid"),
    405: Code("config", "method_not_allowed", "The request's method is not POST"),
    410: Code("bad_address", "gone", "The URL specified is no longer valid and should no longer be used"),
    413: Code("permanent", "payload_too_large", "The body of the message to send is too large"),
    429: Code("throttled", "too_many_requests", "Too many requests"),
    500: Code("unavailable", "server_error", "An internal error occurred within the Push Server"),
    502: Code("unavailable", "bad_gateway", "The Push Service received an invalid response from an upstream Bridge service"),
    503: Code("unavailable", "unavailable", "The Push Service is currently unavailable"),
}
"""RFC 8030, 5 and 8; RFC 8292, 4.2. Words: https://mozilla-services.github.io/autopush-rs/errors.html"""
ERRNOS: dict[int, Code] = {
    101: Code("permanent", "missing_crypto_keys", "Missing necessary crypto keys"),
    102: Code("bad_address", "invalid_endpoint", "Invalid URL endpoint"),
    103: Code("bad_address", "expired_endpoint", "Expired URL endpoint"),
    104: Code("permanent", "payload_too_large", "Data payload too large"),
    105: Code("bad_address", "endpoint_unavailable", "Endpoint became unavailable during request"),
    106: Code("bad_address", "invalid_subscription", "Invalid subscription"),
    108: Code("bad_address", "invalid_router_type", "Router type is invalid"),
    109: Code("config", "invalid_authentication", "Invalid authentication"),
    110: Code("permanent", "invalid_crypto_keys", "Invalid crypto keys specified"),
    111: Code("permanent", "missing_header", "Missing Required Header"),
    112: Code("permanent", "invalid_ttl", "Invalid TTL header value"),
    113: Code("permanent", "invalid_topic", "Invalid Topic header value"),
    201: Code("throttled", "back_off", "Use exponential back-off for retries"),
    202: Code("unavailable", "retry", "Immediate retry ok"),
    900: Code("unavailable", "bridge_misconfigured", "Internal Bridge misconfiguration"),
    901: Code("unavailable", "bridge_authentication", "Invalid authentication"),
    902: Code("unavailable", "bridge_connection", "An error occurred while establishing a connection"),
    903: Code("unknown", "bridge_timeout", "The request timed out"),
    999: Code("unavailable", "unknown_error", "Unknown error"),
}
"""`errno` of Mozilla's push service: https://mozilla-services.github.io/autopush-rs/errors.html"""
