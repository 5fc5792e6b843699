"""Errors that every AWS service may answer with, and where an answer names its error. Pure.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

from typing import Any
from xml.etree import ElementTree

import httpx
from msgspec import Struct

from providers.answers import read
from providers.codes import Code

COMMON: dict[str, Code] = {
    "AccessDenied": Code("config", "access_denied", "You don't have permission to perform this action"),
    "AccessDeniedException": Code("config", "access_denied", "You don't have permission to perform this action"),
    "ExpiredToken": Code("config", "expired_token", "The security token included in the request has expired"),
    "ExpiredTokenException": Code("config", "expired_token", "The security token included in the request has expired"),
    "IncompleteSignature": Code("config", "incomplete_signature", "The request signature doesn't conform to AWS standards"),
    "IncompleteSignatureException": Code("config", "incomplete_signature", "The request signature doesn't conform to AWS standards"),
    "InternalFailure": Code(
        "unavailable", "internal_failure", "The request can't be processed right now because of an internal server issue"
    ),
    "InternalServiceErrorException": Code("unavailable", "internal_failure", "Internal server error"),
    "InvalidAction": Code("config", "invalid_action", "The action or operation requested is invalid"),
    "InvalidClientTokenId": Code(
        "config", "invalid_key", "The X.509 certificate or AWS access key ID provided does not exist in our records"
    ),
    "InvalidParameterCombination": Code("permanent", "invalid_parameter", "Parameters that must not be used together were used together"),
    "InvalidParameterValue": Code("permanent", "invalid_parameter", "The value provided for a parameter is invalid"),
    "InvalidQueryParameter": Code("config", "invalid_query", "The AWS query string is malformed or does not adhere to AWS standards"),
    "InvalidSignatureException": Code(
        "config", "invalid_signature", "The request signature we calculated does not match the one you provided"
    ),
    "MalformedHttpRequestException": Code("config", "malformed_request", "The request body can't be processed"),
    "MalformedQueryString": Code("config", "malformed_query", "The query string contains a syntax error"),
    "MissingAction": Code("config", "missing_action", "The request is missing an action parameter"),
    "MissingAuthenticationToken": Code("config", "missing_key", "The request must contain a valid AWS access key ID or X.509 certificate"),
    "MissingAuthenticationTokenException": Code("config", "missing_key", "The request must contain a valid AWS access key ID"),
    "MissingParameter": Code("permanent", "missing_parameter", "A required parameter is missing"),
    "NotAuthorized": Code("config", "not_authorized", "You don't have permission to perform this action"),
    "OptInRequired": Code("config", "opt_in_required", "The AWS access key ID needs a subscription for the service"),
    "RequestAbortedException": Code("unknown", "aborted", "The request was aborted before a response was returned"),
    "RequestEntityTooLargeException": Code("permanent", "too_large", "The request entity is too large"),
    "RequestExpired": Code("config", "request_expired", "The request is more than 15 minutes off: our clock, or theirs"),
    "RequestTimeoutException": Code(
        "unavailable", "request_timeout", "The server didn't receive the complete request in the expected time"
    ),
    "ServiceUnavailable": Code("unavailable", "service_unavailable", "The request has failed due to a temporary failure of the server"),
    "ServiceUnavailableException": Code(
        "unavailable", "service_unavailable", "The request has failed due to a temporary failure of the server"
    ),
    "SignatureDoesNotMatch": Code("config", "invalid_signature", "The request signature we calculated does not match the one you provided"),
    "Throttling": Code("throttled", "throttled", "The request was denied due to request throttling"),
    "ThrottlingException": Code("throttled", "throttled", "The request was denied due to request throttling"),
    "UnknownOperationException": Code("config", "unknown_operation", "The action or operation is not recognized"),
    "UnrecognizedClientException": Code("config", "invalid_key", "The X.509 certificate or AWS access key ID doesn't exist in our records"),
    "ValidationError": Code("permanent", "invalid_input", "The input doesn't satisfy the constraints of the service"),
    "ValidationException": Code("permanent", "invalid_input", "The input doesn't satisfy the constraints of the service"),
}


class Told(Struct):
    """Which error an answer names, and what it says about it; either may be empty."""

    name: str = ""
    message: str = ""


def told_in_json(response: httpx.Response) -> Told:
    """Of the REST JSON protocol: the name is in a header or in the body, bare, after a namespace, or before a URL."""
    fields = read(response, dict[str, Any]) or {}
    name = response.headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code") or ""
    message = fields.get("message") or fields.get("Message") or ""
    return Told(str(name).split(":")[0].rpartition("#")[2], str(message)[:300])


def told_in_xml(response: httpx.Response) -> Told:
    """Of the Query protocol: <ErrorResponse><Error><Code/><Message/>."""
    found = texts_in_xml(response.content, {"Code", "Message"})
    return Told(found.get("Code", ""), found.get("Message", "")[:300])


def texts_in_xml(content: bytes, names: set[str]) -> dict[str, str]:
    """Return the texts of these elements, whatever namespace they are of; the first of each name. Nothing, where it is no XML."""
    found: dict[str, str] = {}
    try:
        for element in ElementTree.fromstring(content).iter():
            name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
            if name in names:
                found.setdefault(name, (element.text or "").strip())
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}
    return found
