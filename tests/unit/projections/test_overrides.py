"""What a notification has beside its text, in words."""

import pytest

from projections.overrides import in_words
from schemas.records import Attachment, ChatOverrides, EmailOverrides, Overrides, PushOverrides

PDF = Attachment("secret.pdf", "application/pdf", b"%PDF-1.4")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (None, ""),
        (Overrides(), ""),
        (Overrides(email=EmailOverrides(), chat=ChatOverrides()), ""),
        (Overrides(push=PushOverrides(badge=0, data={"a": "b"})), "push.badge, push.data"),
        (
            Overrides(EmailOverrides(cc=["bo@shop.example"], attachments=[PDF]), PushOverrides(image="i")),
            "email.cc, email.attachments (1 file of 8 bytes), push.image",
        ),
        (Overrides(EmailOverrides(attachments=[PDF, PDF])), "email.attachments (2 files of 16 bytes)"),
    ],
)
def test_what_is_set_is_named_and_not_shown(overrides: Overrides | None, words: str) -> None:
    said, _, mark = in_words(overrides).partition(" #")
    assert said == words
    assert len(mark) == (8 if words else 0)


def test_the_mark_is_of_the_content_whatever_its_order() -> None:
    one, same, other = (
        Overrides(push=PushOverrides(data=data)) for data in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "1", "b": "3"})
    )
    assert in_words(one) == in_words(same)
    assert in_words(one) != in_words(other)
