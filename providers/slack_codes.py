"""What Slack's errors mean for us. Pure.

https://docs.slack.dev/reference/methods/chat.postMessage#errors: all that are listed there, with Slack's own words; and those that any
method can give, from https://docs.slack.dev/apis/web-api (invalid JSON, authentication). One that is in none of the lists leaves the
message open: "other errors can be returned in the case where the service is down or other unexpected factors affect processing".

`channel_not_found` leaves the address in use: Slack says it also of a private channel that the app is not in yet, and of every channel when
the token is of another workspace.
"""

from providers.codes import Code

OF_THE_CHANNEL: dict[str, Code] = {
    "channel_not_found": Code("permanent", "channel_not_found", "Value passed for channel was invalid"),
    "is_archived": Code("bad_address", "archived", "Channel has been archived"),
    "not_in_channel": Code("permanent", "not_in_channel", "Cannot post user messages to a channel they are not in"),
    "ekm_access_denied": Code("permanent", "sending_disabled", "Your admins have disabled sending messages to this channel"),
    "restricted_action": Code("permanent", "restricted", "A workspace preference prevents the authenticated user from posting"),
    "restricted_action_non_threadable_channel": Code("permanent", "restricted", "Cannot post thread replies into a non_threadable channel"),
    "restricted_action_read_only_channel": Code("permanent", "restricted", "Cannot post any message into a read-only channel"),
    "restricted_action_thread_locked": Code("permanent", "restricted", "Cannot post replies to a thread that has been locked by admins"),
    "restricted_action_thread_only_channel": Code("permanent", "restricted", "Cannot post top-level messages into a thread-only channel"),
    "cannot_reply_to_message": Code("permanent", "no_thread", "This message type cannot have thread replies"),
    "duplicate_channel_not_found": Code("permanent", "channel_not_found", "Channel associated with client_msg_id was invalid"),
    "duplicate_message_not_found": Code("permanent", "duplicate_not_found", "No duplicate message exists associated with client_msg_id"),
    "slack_connect_canvas_sharing_blocked": Code("permanent", "sharing_blocked", "Admin has disabled Canvas File sharing"),
    "slack_connect_file_link_sharing_blocked": Code("permanent", "sharing_blocked", "Admin has disabled Slack File sharing"),
    "slack_connect_lists_sharing_blocked": Code("permanent", "sharing_blocked", "Admin has disabled Lists sharing"),
}

OF_THE_MESSAGE: dict[str, Code] = {
    "no_text": Code("permanent", "empty", "No message text provided"),
    "msg_too_long": Code("permanent", "too_long", "Message text is too long"),
    "msg_blocks_too_long": Code("permanent", "too_long", "Blocks submitted with this message are too long"),
    "attachment_payload_limit_exceeded": Code("permanent", "too_long", "Attachment payload size is too long"),
    "too_many_attachments": Code("permanent", "too_many_attachments", "Too many attachments were provided with this message"),
    "too_many_contact_cards": Code("permanent", "too_many_contact_cards", "Too many contact_cards were provided with this message"),
    "invalid_blocks": Code("permanent", "invalid_blocks", "Blocks submitted with this message are not valid"),
    "invalid_blocks_format": Code("permanent", "invalid_blocks", "The blocks is not a valid JSON object or doesn't match the syntax"),
    "invalid_metadata_format": Code("permanent", "invalid_metadata", "Invalid metadata format provided"),
    "invalid_metadata_schema": Code("permanent", "invalid_metadata", "Invalid metadata schema provided"),
    "metadata_too_large": Code("permanent", "invalid_metadata", "Metadata exceeds size limit"),
    "metadata_must_be_sent_from_app": Code("permanent", "invalid_metadata", "Message metadata can only be posted using an app-level token"),
    "markdown_text_conflict": Code("permanent", "bad_request", "Markdown text cannot be used in conjunction with blocks or text"),
    "missing_file_data": Code("permanent", "bad_request", "Attempted to share a file but some required data was missing"),
    "draft_already_deleted": Code("permanent", "draft", "The draft has already been deleted"),
    "draft_already_sent": Code("permanent", "draft", "The draft has already been sent"),
    "draft_has_conflict": Code("permanent", "draft", "The client draft version is out of sync with the server draft version"),
    "draft_not_found": Code("permanent", "draft", "The draft was not found"),
    "invalid_arguments": Code("permanent", "bad_request", "The method was called with invalid arguments"),
    "invalid_arg_name": Code("permanent", "bad_request", "The method was passed an argument whose name falls outside the accepted values"),
    "invalid_array_arg": Code("permanent", "bad_request", "The method was passed an array as an argument"),
    "invalid_charset": Code("permanent", "bad_request", "The charset specified in the Content-Type header was invalid"),
    "invalid_form_data": Code("permanent", "bad_request", "The form data was either missing or syntactically invalid"),
    "invalid_post_type": Code("permanent", "bad_request", "The specified Content-Type was invalid"),
    "missing_post_type": Code("permanent", "bad_request", "The request did not include a Content-Type header"),
    "invalid_json": Code("permanent", "bad_request", "The JSON was invalid"),
    "json_not_object": Code("permanent", "bad_request", "The JSON was not an object"),
}

OF_US: dict[str, Code] = {
    "not_authed": Code("config", "unauthorized", "No authentication token provided"),
    "invalid_auth": Code("config", "unauthorized", "Some aspect of authentication cannot be validated"),
    "account_inactive": Code("config", "account_inactive", "Authentication token is for a deleted user or workspace"),
    "token_expired": Code("config", "token_expired", "Authentication token has expired"),
    "token_revoked": Code("config", "token_revoked", "Authentication token is for a deleted user or workspace or the app has been removed"),
    "not_allowed_token_type": Code("config", "token_type", "The token type used in this request is not allowed"),
    "missing_scope": Code("config", "missing_scope", "The token used is not granted the specific scope permissions required"),
    "no_permission": Code("config", "no_permission", "The workspace token does not have the permissions necessary"),
    "access_denied": Code("config", "access_denied", "Access to a resource specified in the request is denied"),
    "accesslimited": Code("config", "access_limited", "Access to this method is limited on the current network"),
    "app_access_restricted": Code("config", "app_restricted", "The user does not have permission to use this app"),
    "team_access_not_granted": Code("config", "access_denied", "The token used is not granted the specific workspace access required"),
    "team_not_found": Code(
        "config", "team_not_found", "When using an org-wide token, the channel_name is passed instead of the channel_id"
    ),
    "two_factor_setup_required": Code("config", "two_factor", "Two factor setup is required"),
    "messages_tab_disabled": Code("config", "messages_tab_disabled", "Messages tab for the app is disabled"),
    "as_user_not_supported": Code("config", "as_user", "The as_user parameter does not function with workspace apps"),
    "send_on_behalf_not_allowed": Code("config", "on_behalf", "Cannot send on behalf of the provided user"),
    "is_bot": Code("config", "legacy_bot", "This method cannot be called by a legacy bot"),
    "enterprise_is_restricted": Code("config", "enterprise", "The method cannot be called from an Enterprise"),
    "deprecated_endpoint": Code("config", "deprecated", "The endpoint has been deprecated"),
    "method_deprecated": Code("config", "deprecated", "The method has been deprecated"),
    "unknown_method": Code("config", "unknown_method", "This method is currently not available"),
}

OF_SLACK: dict[str, Code] = {
    "ratelimited": Code("throttled", "rate_limit", "The request has been ratelimited"),
    "rate_limited": Code("throttled", "rate_limit", "Application has posted too many messages"),
    "message_limit_exceeded": Code("throttled", "message_limit", "Members on this team are sending too many messages"),
    "org_login_required": Code("unavailable", "migration", "The workspace is undergoing an enterprise migration and will not be available"),
    "team_added_to_org": Code("unavailable", "migration", "The workspace is currently undergoing migration to an Enterprise Organization"),
    "service_unavailable": Code("unavailable", "not_available", "The service is temporarily unavailable"),
    "request_timeout": Code("unavailable", "truncated", "The POST data was either missing or truncated"),
    "internal_error": Code("unknown", "internal_error", "It's possible some aspect of the operation succeeded before the error was raised"),
    "fatal_error": Code("unknown", "fatal_error", "It's possible some aspect of the operation succeeded before the error was raised"),
}

CODES = OF_THE_CHANNEL | OF_THE_MESSAGE | OF_US | OF_SLACK
