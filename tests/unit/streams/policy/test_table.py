"""The table of reasons is whole, and its page is current."""

from pathlib import Path

from streams.policy.loader import load_policy
from streams.policy.page import PAGE, page
from streams.policy.policy import CHECKS
from streams.policy.table import ALWAYS, BOTH, CONTROL, DECISION, GIVEN_UP, NOT_CRITICAL, SEEN, SHEDS, STATUS_OF, TABLE

ROOT = Path(__file__).parents[4]
REQUIRED = {
    "channel_disabled", "category_muted", "quiet_hours", "hourly_limit", "daily_limit", "category_limit", "frequency_cap", "no_address",
    "phone_not_verified", "address_suppressed", "unsubscribed", "expired", "shed", "erased", "user_unknown", "cancelled", "seen",
    "tried_elsewhere",
}  # fmt: skip


def test_every_required_reason_is_in_it_once() -> None:
    assert sorted(check.reason for check in TABLE) == sorted(REQUIRED)


def test_what_is_said_of_a_check_can_be_true() -> None:
    assert {check.status for check in TABLE} == {"suppressed", "expired", "cancelled", "shed", "failed"}
    assert {check.binds for check in TABLE} == {ALWAYS, NOT_CRITICAL, *CHECKS}
    assert {check.asked for check in TABLE} == {DECISION, BOTH}
    assert all(check.rule or check.awaits for check in TABLE)
    assert STATUS_OF["expired"] == "expired"
    assert STATUS_OF["hourly_limit"] == "suppressed"


def test_the_functions_it_names_exist() -> None:
    for rule in {check.rule for check in TABLE if check.rule}:
        module, _, function = rule.partition(".")
        step = {CONTROL: "audience", GIVEN_UP: "audience", SEEN: "digest", SHEDS: "routing"}.get(rule, "policy")
        assert f"def {function.rpartition('.')[2]}(" in (ROOT / "streams" / step / f"{module}.py").read_text()


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(load_policy()), "make it anew: python -m streams.policy.page"
