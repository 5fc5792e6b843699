"""Amazon SES: up to 50 e-mails of one text a request, answered one by one; what can't be bulk goes alone (ses_body.py says what).

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html and API_SendEmail.html. There is no idempotency key.
"""

from collections.abc import Callable, Hashable, Sequence

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.aws import SigV4
from providers.aws_errors import COMMON, told_in_json
from providers.base import Accepted, Declaration, Message, Outcome, Unknown, Unsupported
from providers.codes import Code, outcome_of
from providers.email_parts import is_address, with_ascii_domain
from providers.errors import DeclarationError
from providers.features import EMAIL
from providers.secret import Secret
from providers.ses_body import bulk_of, is_bulk, single_of
from providers.statuses import by_status, retry_after_ms
from schemas.clock import now_ms

STATUSES: dict[str, Code] = {
    "MESSAGE_REJECTED": Code("permanent", "message_rejected", "The message was rejected because it contained a virus"),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": Code("config", "sender_not_verified", "The sender's email address or domain was not verified"),
    "CONFIGURATION_SET_NOT_FOUND": Code("config", "no_configuration_set", "The configuration set you specified does not exist"),
    "TEMPLATE_NOT_FOUND": Code("config", "no_template", "The template you specified does not exist"),
    "ACCOUNT_SUSPENDED": Code("config", "account_suspended", "Your account has been shut down because of your email sending practices"),
    "ACCOUNT_THROTTLED": Code("throttled", "account_throttled", "Your account has exceeded its allocated sending limit"),
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": Code(
        "throttled", "daily_quota", "You have reached the maximum number of emails you can send in 24 hours"
    ),
    "INVALID_SENDING_POOL_NAME": Code("config", "no_sending_pool", "The IP pool of the configuration set does not exist"),
    "ACCOUNT_SENDING_PAUSED": Code("config", "sending_paused", "Email sending for the Amazon SES account was disabled"),
    "CONFIGURATION_SET_SENDING_PAUSED": Code("config", "set_paused", "Email sending for this configuration set was disabled"),
    "INVALID_PARAMETER": Code("permanent", "invalid_parameter", "One or more of the parameters you specified was invalid"),
    "TRANSIENT_FAILURE": Code(
        "unavailable", "transient_failure", "Amazon SES was unable to process your request because of a temporary issue"
    ),
    "FAILED": Code("unavailable", "failed", "Amazon SES was unable to process your request"),
}
"""Of an entry: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html"""

ERRORS: dict[str, Code] = {
    "AccountSuspendedException": Code("config", "account_suspended", "The account's ability to send email has been permanently restricted"),
    "BadRequestException": Code("permanent", "bad_request", "The input you provided is invalid"),
    "LimitExceededException": Code("throttled", "limit_exceeded", "There are too many instances of the specified resource type"),
    "MailFromDomainNotVerifiedException": Code("config", "sender_not_verified", "The sending domain isn't verified"),
    "MessageRejected": Code("permanent", "message_rejected", "The message can't be sent because it contains invalid content"),
    "NotFoundException": Code("config", "not_found", "The resource you attempted to access doesn't exist"),
    "SendingPausedException": Code("config", "sending_paused", "The account's ability to send email is currently paused"),
    "TooManyRequestsException": Code("throttled", "too_many_requests", "Too many requests have been made to the operation"),
}
"""Of a request: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html, and the common ones."""

BAD_ADDRESS = Code("bad_address", "invalid_address", "Missing final '@domain', or not an address in another way")
NOT_VERIFIED = Code("config", "not_verified", "Email address is not verified: a sender, or any address while the account is in the sandbox")
"""https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html: it comes as MessageRejected."""


class Result(msgspec.Struct, rename="pascal"):
    """Of an entry."""

    status: str = ""
    error: str | None = None
    message_id: str | None = None


class BulkAnswer(msgspec.Struct):
    """Results in the order of the entries."""

    results: list[Result] = msgspec.field(name="BulkEmailEntryResults")


class SingleAnswer(msgspec.Struct):
    """Taken."""

    message_id: str = msgspec.field(name="MessageId")


class Ses:
    """E-mail by the SES API v2."""

    def __init__(
        self,
        channel: str,
        access_key: Secret,
        secret_key: Secret,
        region: str,
        sender: str,
        *,
        session_token: Secret | None = None,
        configuration_set: str = "",
        name: str = "ses",
        base_url: str = "",
        batch_size: int = 50,
        concurrency: int = 16,
        timeout_ms: int = 30_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`sender`: a verified address, or one of a verified domain. `configuration_set`: what publishes events, so that there is feedback.

        `batch_size`: at most 50; no more than the account may send a second. `clock`: epoch ms. Raises DeclarationError.
        """
        if not is_address(with_ascii_domain(sender)):
            raise DeclarationError(f"{name}: {sender!r} is not an e-mail address")
        if batch_size > 50:
            raise DeclarationError(f"{name}: batch_size must be at most 50")
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=EMAIL | {"subject", "html", "unsubscribe"},
            batch_size=batch_size,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            feedback="webhook" if configuration_set else "sync",
        )
        self.auth: httpx.Auth | None = SigV4(access_key, secret_key, region, "ses", session_token=session_token, clock=clock)
        self._sender, self._configuration_set = with_ascii_domain(sender), configuration_set
        self._url = (base_url or f"https://email.{region}.amazonaws.com") + "/v2/email/"

    def shared(self, message: Message) -> Hashable:
        """The text and what goes with it; nothing, where it must go alone."""
        alone = "" if is_bulk(message) else message.message_id
        return message.subject, message.body, message.html, id(message.email), alone

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return one request of an entry a message, or of the one message."""
        bulk = is_bulk(messages[0])
        told = (self._sender, self._configuration_set)
        content = bulk_of(messages, *told) if bulk else single_of(messages[0], *told)
        url = self._url + ("outbound-bulk-emails" if bulk else "outbound-emails")
        return httpx.Request("POST", url, headers={"content-type": "application/json"}, content=content)

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message: entries are taken or refused each for itself."""
        if response.status_code == 200:
            return _bulk(messages, response) if is_bulk(messages[0]) else [_single(response)] * len(messages)
        told = told_in_json(response)
        code = ERRORS.get(told.name) or COMMON.get(told.name)
        if code is None:
            return [by_status(response)] * len(messages)
        if told.name == "MessageRejected" and "is not verified" in told.message:
            code = NOT_VERIFIED
        if told.name == "BadRequestException" and len(messages) == 1:
            return [_invalid(messages[0], code, told.message)]
        return [outcome_of(code, told.message, retry_after_ms(response))] * len(messages)


def _bulk(messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
    answer = read(response, BulkAnswer)
    if answer is None:
        return [unreadable(response)] * len(messages)
    results = answer.results
    if len(results) != len(messages):
        return [Unknown(f"{len(results)} results for {len(messages)} entries")] * len(messages)
    return [_entry(message, result) for message, result in zip(messages, results, strict=True)]


def _entry(message: Message, result: Result) -> Outcome:
    if result.status == "SUCCESS":
        return Accepted(result.message_id or "")
    code = STATUSES.get(result.status)
    if code is None:
        return Unknown(f"status {result.status[:100]}: {(result.error or '')[:200]}")
    if result.status == "INVALID_PARAMETER":
        return _invalid(message, code, result.error or "")
    return outcome_of(code, (result.error or "")[:300])


def _single(response: httpx.Response) -> Outcome:
    answer = read(response, SingleAnswer)
    return Accepted(answer.message_id) if answer else unreadable(response)


def _invalid(message: Message, code: Code, said: str) -> Outcome:
    """SES names no parameter: the address is of no use only if it is none, whoever looks at it."""
    address = with_ascii_domain(message.address)
    if not is_address(address) or "." not in address.rpartition("@")[2]:
        return outcome_of(BAD_ADDRESS, said[:300])
    if not address.isascii():
        return Unsupported(f"SES takes no international address: {said[:200]}")
    return outcome_of(code, said[:300])
