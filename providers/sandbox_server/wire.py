"""The sandbox's JSON: one message, or one text for many recipients (per-recipient text where it differs)."""

from msgspec import UNSET, Raw, Struct, UnsetType


class Text(Struct, omit_defaults=True, kw_only=True, gc=False):
    """The words of a message; empty or unset fields are left out."""

    subject: str = ""
    title: str = ""
    body: str = ""
    html: str | None = None


class Recipient(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One recipient of a batch. `text` and `notification_id` are given where they differ from the batch's."""

    message_id: str
    user_id: str
    address: str
    data: Raw | UnsetType = UNSET
    text: Text | None = None
    notification_id: str | None = None


class Batch(Struct, omit_defaults=True, kw_only=True):
    """POST /v1/{channel}/batch."""

    recipients: list[Recipient]
    text: Text | None = None
    notification_id: str | None = None


class Single(Struct, omit_defaults=True, kw_only=True):
    """POST /v1/{channel}/single."""

    message_id: str
    notification_id: str
    user_id: str
    address: str
    text: Text
    data: Raw | UnsetType = UNSET


class Result(Struct, omit_defaults=True, gc=False):
    """What became of one message."""

    message_id: str
    status: str  # accepted, rejected; a client must also stand throttled and failed
    id: str = ""
    reason: str = ""
    retry_after_ms: int = 0


class Answer(Struct):
    """200 of both POSTs: one result a message, in the order given."""

    results: list[Result]
