"""The policy's file: what is in it, and what may not be."""

from pathlib import Path

import pytest

from schemas.records import Priority
from streams.policy.policy import CategoryPolicy, PolicyInvalid, UnknownCategory, load_policy
from tests.unit.streams.make import notification

SHIPPED = load_policy()


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def test_the_shipped_policy_covers_every_category() -> None:
    assert set(SHIPPED.categories) == {"transactional", "engagement", "promotional", "system"}
    assert not SHIPPED.categories["transactional"].mutes
    assert all(SHIPPED.categories[name].mutes for name in ("engagement", "promotional", "system"))
    assert not SHIPPED.categories["promotional"].resend_unknown


def test_only_what_is_critical_is_sent_again() -> None:
    assert SHIPPED.resends_unknown(notification(priority=Priority.CRITICAL))
    assert not SHIPPED.resends_unknown(notification(priority=Priority.HIGH))
    assert not SHIPPED.resends_unknown(notification(category="promotional"))


def test_policy_may_choose_to_send_again(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, "categories: {system: {mutes: true, resend_unknown: true}}"))
    assert policy.resends_unknown(notification(category="system", priority=Priority.LOW))


def test_a_category_nobody_knows() -> None:
    with pytest.raises(UnknownCategory, match="'spam' is not in the policy .engagement, promotional, system, transactional."):
        SHIPPED.of(notification(category="spam"))


def test_the_version_names_the_content_and_not_the_layout(tmp_path: Path) -> None:
    one = load_policy(write(tmp_path, "categories:\n  a: {mutes: true, resend_unknown: false}\n  b: {mutes: true, resend_unknown: true}\n"))
    two = load_policy(
        write(tmp_path, "# said otherwise\ncategories: {b: {resend_unknown: true, mutes: true}, a: {resend_unknown: false, mutes: true}}")
    )
    other = load_policy(write(tmp_path, "categories: {a: {mutes: true, resend_unknown: false}}"))
    assert one.version == two.version != other.version
    assert len(one.version) == 12
    assert one.categories["a"] == CategoryPolicy(mutes=True, resend_unknown=False)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "Expected `object`"),
        ("categories: {a: {mutes: true}}", "resend_unknown"),
        ("categories: {a: {mutes: yes please, resend_unknown: false}}", "mutes"),
        ("categories: {a: {mutes: true, resend_unknown: false, mute: true}}", "unknown field `mute`"),
        ("categories: {}\nrules: []", "unknown field `rules`"),
        ("categories: [", "while parsing"),
    ],
)
def test_a_file_that_can_not_be_used_says_which_and_why(tmp_path: Path, text: str, what: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PolicyInvalid, match=what) as raised:
        load_policy(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="No such file"):
        load_policy(tmp_path / "none.yaml")
