"""What FCM's error codes mean for us. Pure."""

from providers.codes import Code

ERRORS: dict[str, Code] = {
    "UNSPECIFIED_ERROR": Code("unknown", "unspecified_error", "No more information is available about this error"),
    "INVALID_ARGUMENT": Code("permanent", "invalid_argument", "Request parameters were invalid"),
    "UNREGISTERED": Code("bad_address", "unregistered", "App instance was unregistered from FCM"),
    # of one device (the app moved to another project) as often as of our key: other messages must not suffer for it
    "SENDER_ID_MISMATCH": Code(
        "permanent", "sender_id_mismatch", "The authenticated sender ID is different from the sender ID for the registration token"
    ),
    "QUOTA_EXCEEDED": Code("throttled", "quota_exceeded", "Sending limit exceeded for the message target"),
    "UNAVAILABLE": Code("unavailable", "unavailable", "The server is overloaded"),
    "INTERNAL": Code("unavailable", "internal", "An unknown internal error occurred"),
    "THIRD_PARTY_AUTH_ERROR": Code("config", "third_party_auth_error", "APNs certificate or web push auth key was invalid or missing"),
}
"""`errorCode` of the FcmError among the details: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"""
BAD_TOKEN = Code("bad_address", "invalid_token", "The registration token is not a valid FCM registration token")
"""INVALID_ARGUMENT, where it is about the token: https://firebase.google.com/docs/cloud-messaging/error-codes"""
STATUSES: dict[str, Code] = {
    "INVALID_ARGUMENT": ERRORS["INVALID_ARGUMENT"],
    "FAILED_PRECONDITION": Code("permanent", "failed_precondition", "Request can not be executed in the current system state"),
    "OUT_OF_RANGE": Code("permanent", "out_of_range", "Client specified an invalid range"),
    "UNAUTHENTICATED": Code("config", "unauthenticated", "Request not authenticated due to missing, invalid, or expired OAuth token"),
    "PERMISSION_DENIED": Code("config", "permission_denied", "Client does not have sufficient permission"),
    # of the project: a token that is not found is UNREGISTERED
    "NOT_FOUND": Code("config", "not_found", "A specified resource is not found"),
    "ABORTED": Code("unknown", "aborted", "Concurrency conflict"),
    "ALREADY_EXISTS": Code("permanent", "already_exists", "The resource that a client tried to create already exists"),
    "RESOURCE_EXHAUSTED": Code("throttled", "resource_exhausted", "Either out of resource quota or reaching rate limiting"),
    "CANCELLED": Code("unknown", "cancelled", "Request cancelled by the client"),
    "DATA_LOSS": Code("unknown", "data_loss", "Unrecoverable data loss or data corruption"),
    "UNKNOWN": Code("unknown", "unknown", "Unknown server error"),
    "INTERNAL": ERRORS["INTERNAL"],
    "UNIMPLEMENTED": Code("config", "unimplemented", "API method not implemented by the server"),
    "UNAVAILABLE": ERRORS["UNAVAILABLE"],
    "DEADLINE_EXCEEDED": Code("unknown", "deadline_exceeded", "Request deadline exceeded"),
}
"""`status` of an error without an FcmError: https://cloud.google.com/apis/design/errors#handling_errors"""
