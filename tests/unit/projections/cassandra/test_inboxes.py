from types import SimpleNamespace

from projections.cassandra.blobs import pack, recipients_of
from projections.cassandra.inboxes import Message, message_of_blob, visible
from tests.unit.projections.cassandra.store import moment
from tests.unit.projections.made import ACCEPTED, NOW, status_batch


def message(notification_id: str, created_at: int = NOW, **fields: object) -> Message:
    given: dict[str, object] = {"data": {}, "expires_at": None} | fields
    return Message(notification_id, created_at, "t", 1, "promotional", **given)  # type: ignore[arg-type]


def blob(status: str) -> SimpleNamespace:
    batch = status_batch(["a"], status, channel="in_app")
    return SimpleNamespace(
        created_at=moment(ACCEPTED), notification_id="n-1", template_id="t", template_version=1, category="promotional", expires_at=None,
        at=moment(batch.at), recipients=pack(recipients_of(batch)),
    )  # fmt: skip


def test_newest_first_each_once_and_a_row_before_a_blob() -> None:
    row, copy = message("n-1", data={"title": "x"}), message("n-1")
    assert visible([row, message("n-2", NOW + 1), copy], {}, NOW) == [message("n-2", NOW + 1), row]


def test_what_has_expired_is_gone_and_what_was_read_says_when() -> None:
    shown = visible([message("n-1", expires_at=NOW), message("n-2", expires_at=NOW + 1)], {"n-2": moment(NOW - 5)}, NOW)
    assert [(it.notification_id, it.read_at) for it in shown] == [("n-2", NOW - 5)]


def test_a_blob_is_a_message_to_those_it_was_shown_to() -> None:
    assert message_of_blob(blob("sent"), "a", 0) == Message("n-1", ACCEPTED, "t", 1, "promotional", {}, None)
    assert message_of_blob(blob("sent"), "b", 0) is None
    assert message_of_blob(blob("suppressed"), "a", 0) is None
    assert message_of_blob(blob("sent"), "a", NOW) is None
