"""Microsoft Teams: an Adaptive Card to a chat or channel, by a workflow's webhook (Power Automate).

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using: Microsoft 365 connectors
(webhook.office.com) are retired; a workflow with the trigger "When a Teams webhook request is received" takes their place. It takes
Adaptive Cards only, and can't answer in a thread. The address is the workflow's URL; its `sig` is the permission to post, so it is a
secret, and is in no outcome. "Anyone" must be who can trigger the flow.

Accepted is 202: the workflow runs. What goes wrong after that (the owner left, the card is too large) is in the workflow's history only; so
a card larger than Teams takes is not sent at all.
"""

from collections.abc import Sequence

import httpx
import msgspec

from providers.answers import read
from providers.base import Accepted, Declaration, Message, Outcome, Rejected
from providers.codes import Code, outcome_of
from providers.guarded import GUARD
from providers.ssrf import Guard, fault_of, url_of
from providers.statuses import by_status, retry_after_ms
from providers.teams_card import LARGEST, card_of, size_of

HOSTS = ("logic.azure.com", "api.powerplatform.com")
"""Where workflows are: older ones at the first, newer at the second."""

ERRORS: dict[str, Code] = {
    "WorkflowNotFound": Code("bad_address", "workflow_gone", "The workflow could not be found"),
    "WorkflowTriggerIsNotEnabled": Code("permanent", "workflow_off", "Could not execute workflow trigger: trigger is not enabled"),
    "DirectApiAuthorizationRequired": Code(
        "permanent", "url_incomplete", "The request must be authenticated only by OAuth authorization scheme"
    ),
    "DirectApiInvalidAuthorizationSignature": Code("bad_address", "url_revoked", "The provided authorization signature is not valid"),
    "TriggerInputSchemaMismatch": Code("permanent", "other_schema", "The input body for trigger did not match its schema definition"),
}
"""By `error.code`. Microsoft publishes no list; these are what the service answers with. Others mean what their status does."""
DELETED = Code("bad_address", "workflow_gone", "Could not execute workflow trigger with state 'Deleted'")

STATUSES: dict[int, Code] = {
    400: Code("permanent", "bad_request", "Bad request"),
    401: Code("permanent", "unauthorized", "Unauthorized"),
    403: Code("permanent", "forbidden", "Forbidden"),
    404: Code("bad_address", "workflow_gone", "A request is sent to a webhook that does not exist"),
    410: Code("bad_address", "workflow_gone", "Gone"),
    413: Code("permanent", "too_large", "A request is sent to a webhook that is too large in size for processing"),
    429: Code("throttled", "rate_limit", "Too many requests"),
}
"""The far end is the recipient's own: its refusal says nothing of our settings."""


class Fault(msgspec.Struct):
    code: str = ""
    message: str = ""


class Refusal(msgspec.Struct):
    """The body of an answer that refuses."""

    error: Fault


class Teams:
    """Adaptive Cards to workflows of Teams."""

    auth: httpx.Auth | None = None

    def __init__(
        self,
        channel: str,
        *,
        hosts: tuple[str, ...] = HOSTS,
        link_title: str = "Open",
        allow_http: bool = False,
        ports: tuple[int, ...] = (443,),
        networks: tuple[str, ...] = (),
        name: str = "teams",
        concurrency: int = 16,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        """`hosts`: where workflows are, with all below them. `link_title`: of the button for a link. `allow_http`, `ports`, `networks`: for
        tests (`providers.ssrf`).
        """
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=frozenset({"title", "chat.link", "chat.image"}),
            platforms=frozenset({"teams"}),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            guarded=True,
        )
        self._guard = Guard(http=allow_http, ports=ports, networks=networks, hosts=hosts)
        self._link_title = link_title

    def refused(self, message: Message) -> Outcome | None:
        """Refuse an address that is no workflow's, and a card that Teams would not show."""
        if fault := fault_of(message.address, self._guard):
            return Rejected("invalid_address", f"the address {fault}", address_dead=True)
        size = size_of(card_of(message, self._link_title))
        return Rejected("too_large", f"{size} bytes, {LARGEST} are allowed") if size > LARGEST else None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message."""
        (message,) = messages
        attachment = {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": None,
            "content": card_of(message, self._link_title),
        }
        content = msgspec.json.encode({"type": "message", "attachments": [attachment]})
        headers = {"content-type": "application/json"}
        return httpx.Request("POST", url_of(message.address), headers=headers, content=content, extensions={GUARD: self._guard})

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the message; accepted, it is known by the id of the workflow's run. Bodies that refuse may name the URL."""
        if 200 <= response.status_code < 300:
            return [Accepted(response.headers.get("x-ms-workflow-run-id", ""))]
        code = _code(response) or STATUSES.get(response.status_code)
        silent = httpx.Response(response.status_code, headers=response.headers, content=b"")
        return [outcome_of(code, f"HTTP {response.status_code}: {code.says}", retry_after_ms(response)) if code else by_status(silent)]


def _code(response: httpx.Response) -> Code | None:
    refusal = read(response, Refusal)
    if refusal is None:
        return None
    error = refusal.error
    return DELETED if error.code == "WorkflowTriggerIsNotEnabled" and "'Deleted'" in error.message else ERRORS.get(error.code)
