"""Text messages by Amazon SNS: one a request.

https://docs.aws.amazon.com/sns/latest/dg/sms_sending-to-phone-number.html, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html.
PublishBatch (ten a request) takes a topic and no phone number, so it can't be used. There is no idempotency key, nothing that comes back
with feedback but SNS's own id, and no time to live. Who has opted out is accepted, and told only in the delivery log.
"""

import re
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import httpx

from providers.answers import unreadable
from providers.aws import SigV4
from providers.aws_errors import COMMON, texts_in_xml, told_in_xml
from providers.base import Accepted, Declaration, Message, Outcome
from providers.codes import Code, outcome_of
from providers.errors import DeclarationError
from providers.secret import Secret
from providers.statuses import by_status, retry_after_ms
from schemas.clock import now_ms

ERRORS: dict[str, Code] = {
    "AuthorizationError": Code("config", "authorization", "The user has been denied access to the requested resource"),
    "EndpointDisabled": Code("config", "endpoint_disabled", "Endpoint disabled"),
    "InternalError": Code("unavailable", "internal_error", "Internal service error"),
    "InvalidParameter": Code("permanent", "invalid_parameter", "A request parameter does not comply with the associated constraints"),
    "InvalidSecurity": Code("config", "invalid_security", "The credential signature isn't valid"),
    "KMSAccessDenied": Code(
        "config", "kms_access_denied", "The ciphertext references a key that doesn't exist or that you don't have access to"
    ),
    "KMSDisabled": Code("config", "kms_disabled", "The specified KMS key isn't enabled"),
    "KMSInvalidState": Code("config", "kms_invalid_state", "The state of the specified resource isn't valid for this request"),
    "KMSNotFound": Code("config", "kms_not_found", "The specified entity or resource can't be found"),
    "KMSOptInRequired": Code("config", "kms_opt_in", "The AWS access key ID needs a subscription for the service"),
    "KMSThrottling": Code("throttled", "kms_throttling", "The request was denied due to request throttling"),
    "NotFound": Code("config", "not_found", "The requested resource does not exist"),
    "OptedOut": Code("bad_address", "opted_out", "The phone number opted out of receiving SMS messages from your account"),
    "ParameterValueInvalid": Code("permanent", "invalid_parameter", "A request parameter does not comply with the associated constraints"),
    "PlatformApplicationDisabled": Code("config", "platform_disabled", "Platform application disabled"),
    "Throttled": Code("throttled", "throttled", "The rate at which requests have been submitted exceeds the limit for your account"),
    "UserError": Code("permanent", "user_error", "A request parameter does not comply with the associated constraints"),
    "ValidationException": Code("permanent", "invalid_input", "A parameter in the request is invalid"),
}
"""Of Publish, and of the SMS actions: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors"""

BAD_NUMBER = Code("bad_address", "invalid_number", "PhoneNumber Reason: it is not valid to publish to")
PROMOTIONAL = frozenset({"promotional", "engagement"})
"""Categories of messages that need not be reliable; others are Transactional."""

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")


class Sns:
    """Text messages by SNS."""

    def __init__(
        self,
        channel: str,
        access_key: Secret,
        secret_key: Secret,
        region: str,
        *,
        session_token: Secret | None = None,
        sender_id: str = "",
        origination_number: str = "",
        entity_id: str = "",
        template_id: str = "",
        max_price_usd: float | None = None,
        name: str = "sns",
        base_url: str = "",
        concurrency: int = 32,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`sender_id`: what is shown as sender, where a country has that; `origination_number`: a number of ours, in E.164.

        `entity_id`, `template_id`: of DLT, for India. `max_price_usd`: a message that costs more is not sent. `clock`: epoch ms.
        Raises DeclarationError.
        """
        if sender_id and not _SENDER_ID.fullmatch(sender_id):
            raise DeclarationError(f"{name}: sender_id must be 1 to 11 letters and digits, with a letter")
        self.declaration = Declaration(
            name=name,
            channel=channel,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
        )
        self.auth: httpx.Auth | None = SigV4(access_key, secret_key, region, "sns", session_token=session_token, clock=clock)
        self._url = f"{base_url or f'https://sns.{region}.amazonaws.com'}/"
        attributes = {
            "AWS.SNS.SMS.SenderID": sender_id,
            "AWS.MM.SMS.OriginationNumber": origination_number,
            "AWS.MM.SMS.EntityId": entity_id,
            "AWS.MM.SMS.TemplateId": template_id,
            "AWS.SNS.SMS.MaxPrice": "" if max_price_usd is None else f"{max_price_usd:.5f}",
        }
        self._attributes = {name: value for name, value in attributes.items() if value}

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request that publishes to the number."""
        (message,) = messages
        form = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": message.address, "Message": message.body}
        kind = {"AWS.SNS.SMS.SMSType": "Promotional" if message.category in PROMOTIONAL else "Transactional"}
        for number, (name, value) in enumerate((self._attributes | kind).items(), start=1):
            form |= _attribute(number, name, value)
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return httpx.Request("POST", self._url, headers=headers, content=urlencode(form, errors="replace").encode())

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the one message."""
        return [self._outcome(message, response) for message in messages]

    def _outcome(self, message: Message, response: httpx.Response) -> Outcome:
        if response.status_code == 200:
            message_id = texts_in_xml(response.content, {"MessageId"}).get("MessageId")
            return Accepted(message_id) if message_id else unreadable(response)
        told = told_in_xml(response)
        code = ERRORS.get(told.name.removesuffix("Exception")) or ERRORS.get(told.name) or COMMON.get(told.name)
        if code is None:
            return by_status(response)
        if "PhoneNumber" in told.message and not _E164.fullmatch(message.address):
            code = BAD_NUMBER  # for a good number the same words mean a region without SMS
        return outcome_of(code, told.message, retry_after_ms(response))


def _attribute(number: int, name: str, value: str) -> dict[str, str]:
    entry = f"MessageAttributes.entry.{number}"
    kind = "Number" if name.endswith("MaxPrice") else "String"
    return {f"{entry}.Name": name, f"{entry}.Value.DataType": kind, f"{entry}.Value.StringValue": value}
