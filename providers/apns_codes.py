"""What APNs' reasons mean for us. Pure."""

from providers.codes import Code

REASONS: dict[str, Code] = {
    # 400
    "BadCollapseId": Code("permanent", "bad_collapse_id", "The collapse identifier exceeds the maximum allowed size"),
    "BadDeviceToken": Code("bad_address", "bad_device_token", "The specified device token is invalid"),
    "BadExpirationDate": Code("permanent", "bad_expiration_date", "The apns-expiration value is invalid"),
    "BadMessageId": Code("permanent", "bad_message_id", "The apns-id value is invalid"),
    "BadPriority": Code("permanent", "bad_priority", "The apns-priority value is invalid"),
    "BadTopic": Code("config", "bad_topic", "The apns-topic value is invalid"),
    # the device's token is another app's, or the topic is wrong: Apple has it not sent again, and the token may be good for its app
    "DeviceTokenNotForTopic": Code("permanent", "device_token_not_for_topic", "The device token doesn't match the specified topic"),
    "DuplicateHeaders": Code("permanent", "duplicate_headers", "One or more headers are repeated"),
    "IdleTimeout": Code("unavailable", "idle_timeout", "Idle timeout"),
    "InvalidPushType": Code("permanent", "invalid_push_type", "The apns-push-type value is invalid"),
    "MissingDeviceToken": Code("bad_address", "missing_device_token", "The device token isn't specified in the request :path"),
    "MissingTopic": Code("config", "missing_topic", "The apns-topic header of the request isn't specified and is required"),
    "PayloadEmpty": Code("permanent", "payload_empty", "The message payload is empty"),
    "TopicDisallowed": Code("config", "topic_disallowed", "Pushing to this topic is not allowed"),
    # 403
    "BadCertificate": Code("config", "bad_certificate", "The certificate is invalid"),
    "BadCertificateEnvironment": Code("config", "bad_certificate_environment", "The client certificate doesn't match the environment"),
    "ExpiredProviderToken": Code("config", "expired_provider_token", "The provider token is stale and a new token should be generated"),
    "Forbidden": Code("config", "forbidden", "The specified action is not allowed"),
    "InvalidProviderToken": Code("config", "invalid_provider_token", "The provider token is not valid, or can't be verified"),
    "MissingProviderToken": Code("config", "missing_provider_token", "The authorization header is missing or no token is specified"),
    "UnrelatedKeyIdInToken": Code("config", "unrelated_key_id_in_token", "The key ID isn't related to that of the connection"),
    "BadEnvironmentKeyIdInToken": Code("config", "bad_environment_key_id_in_token", "The key ID doesn't match the environment"),
    # 404, 405
    "BadPath": Code("config", "bad_path", "The request contained an invalid :path value"),
    "MethodNotAllowed": Code("config", "method_not_allowed", "The specified :method value isn't POST"),
    # 410
    "ExpiredToken": Code("bad_address", "expired_token", "The device token has expired"),
    "Unregistered": Code("bad_address", "unregistered", "The device token is inactive for the specified topic"),
    # 413, 429
    "PayloadTooLarge": Code("permanent", "payload_too_large", "The message payload is too large"),
    "TooManyProviderTokenUpdates": Code("throttled", "too_many_provider_token_updates", "The authentication token is updated too often"),
    "TooManyRequests": Code("throttled", "too_many_requests", "Too many requests were made consecutively to the same device token"),
    # 500, 503
    "InternalServerError": Code("unavailable", "internal_server_error", "An internal server error occurred"),
    "ServiceUnavailable": Code("unavailable", "service_unavailable", "The service is unavailable"),
    "Shutdown": Code("unavailable", "shutdown", "The APNs server is shutting down"),
}
"""`reason`: https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns"""
