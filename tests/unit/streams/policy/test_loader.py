"""The policy's file: what it comes to, and every mistake that can be in it, with its place."""

from pathlib import Path

import msgspec
import pytest

from bench.system import UNCAPPED
from schemas.records import Priority
from streams.policy.loader import PolicyInvalid, load_policy, read_policy
from streams.policy.policy import CHECKS, CategoryPolicy, DigestPolicy, Policy, Retry, Route
from tests.unit.streams.make import notification

TEXT = """\
user: {an_hour: 4, a_day: 9}
release_within: 90s
critical:
  retry: {for: 5m, first: 1s, most: 20s}
categories:
  transactional: &free
    binds: []
    a_day: 100
    resend_unknown: true
    retry: {for: 6h, first: 1s, most: 10m}
    channels:
      others: {all: [push, email]}
  engagement: *free
  promotional:
    binds: [mutes, quiet_hours]
    in_quiet_hours: suppress
    a_day: 3
    expires_after: 2d
    resend_unknown: false
    retry: {for: 2h, first: 5s, most: 15m}
    digest: {window: 1h, first: now, daily: true}
    shed_over: 30m
    channels:
      high: {first: [push, email], after: 1m}
      others: {first: [email]}
  system: *free
"""


def read(text: str = TEXT) -> dict[str, CategoryPolicy]:
    return read_policy(text.encode(), "policy.yaml").categories


def test_what_is_written_is_what_binds() -> None:
    policy = read_policy(TEXT.encode(), "policy.yaml")
    assert (policy.an_hour, policy.a_day, policy.spread_ms, policy.critical_retry) == (4, 9, 90_000, Retry(300_000, 1_000, 20_000))
    promotional, free = policy.categories["promotional"], policy.categories["transactional"]
    assert [check for check in CHECKS if getattr(promotional, check)] == ["mutes", "quiet_hours"]
    assert not any(getattr(free, check) for check in CHECKS)
    assert (promotional.name, promotional.defers, promotional.a_day, promotional.expires_after_ms) == (
        "promotional",
        False,
        3,
        2 * 86_400_000,
    )
    assert (free.expires_after_ms, free.resend_unknown, free.retry) == (None, True, Retry(6 * 3_600_000, 1_000, 600_000))


def test_a_priority_has_its_own_channels_or_those_of_others() -> None:
    routes = read()["promotional"].routes
    assert routes[Priority.HIGH] == Route(("push", "email"), first=True, after_ms=60_000)
    assert all(routes[other] == Route(("email",), first=True) for other in Priority if other != Priority.HIGH)
    assert read()["system"].routes[Priority.LOW] == Route(("push", "email"))


def test_a_category_may_have_digests() -> None:
    def digest(written: str) -> DigestPolicy | None:
        return read(TEXT.replace("{window: 1h, first: now, daily: true}", written))["promotional"].digest

    assert read()["promotional"].digest == DigestPolicy(3_600_000, first_now=True, daily=True)
    assert read()["system"].digest is None
    assert digest("{window: 5m}") == DigestPolicy(300_000)
    assert digest("{window: 5m, count: 20, first: wait}") == DigestPolicy(300_000, 20)


def test_a_category_may_be_shed_when_it_is_late() -> None:
    assert (read()["promotional"].shed_over_ms, read()["system"].shed_over_ms) == (1_800_000, None)
    assert load_policy().categories["promotional"].shed_over_ms == 1_800_000
    assert {each.shed_over_ms for name, each in load_policy().categories.items() if name != "promotional"} == {None}
    assert load_policy().of(notification(category="promotional", priority=Priority.CRITICAL)).shed_over_ms is None


def test_what_is_critical_is_never_digested() -> None:
    engagement = load_policy().categories["engagement"]
    assert engagement.digest == DigestPolicy(300_000, first_now=True, daily=True)
    assert load_policy().of(notification(category="engagement")).digest == engagement.digest
    assert load_policy().of(notification(category="engagement", priority=Priority.CRITICAL)).digest is None


def test_more_categories_may_be_there() -> None:
    assert "weather" in read(TEXT + "  weather: *free\n")


def test_the_version_names_the_content_and_not_the_layout() -> None:
    def version(text: str) -> str:
        return read_policy(text.encode(), "policy.yaml").version

    assert len(version(TEXT)) == 12
    assert version(TEXT) == version("# said otherwise\n" + TEXT.replace("90s", " 90s ").replace("5m, first", "300s, first"))
    assert version(TEXT) == version(TEXT.replace("{an_hour: 4, a_day: 9}", "{a_day: 9, an_hour: 4}"))
    changed = [
        ("an_hour: 4", "an_hour: 5"),
        ("[mutes, quiet_hours]", "[quiet_hours]"),
        ("suppress", "defer"),
        ("after: 1m", "after: 2m"),
        ("90s", "91s"),
    ]
    assert len({version(TEXT), *(version(TEXT.replace(*one)) for one in changed)}) == len(changed) + 1


AT = "categories.promotional"


@pytest.mark.parametrize(
    ("wrong", "right", "what"),
    [
        ("", TEXT, "Expected `object`, got `null`"),
        ("categories: [", TEXT, "while parsing"),
        ("rules: []\nuser:", "user:", "Object contains unknown field `rules`"),
        ("usr:", "user:", "Object contains unknown field `usr`"),
        ("user: {a_day: 9}", "user: {an_hour: 4, a_day: 9}", "user: Object missing required field `an_hour`"),
        ("an_hour: -1", "an_hour: 4", "user.an_hour: Expected `int` >= 0"),
        ("an_hour: 10", "an_hour: 4", "user.an_hour: 10 is more than a_day, 9"),
        ("release_within: 90", "release_within: 90s", "release_within: Expected a length of time such as 90s, 5m, 6h or 7d, got 90"),
        ("release_within: soon", "release_within: 90s", "release_within: Expected a length of time such as 90s, 5m, 6h or 7d, got 'soon'"),
        ("release_within: 0s", "release_within: 90s", "release_within: Expected a length of time"),
        ("{for: 5m, first: 1s}", "{for: 5m, first: 1s, most: 20s}", "critical.retry: Object missing required field `most`"),
        ("first: 30s, most: 20s", "first: 1s, most: 20s", "critical.retry: first must not be longer than most, nor most than for"),
        ("first: 5s, most: 3h", "first: 5s, most: 15m", f"{AT}.retry: first must not be longer than most, nor most than for"),
        ("promotionl:", "promotional:", "categories: promotional is missing"),
        ("  1: {}\n  system:", "  system:", "categories: Expected `str`"),
        ("    a_dya: 3", "    a_day: 3", f"{AT}: Object contains unknown field `a_dya`"),
        ("", "    a_day: 3\n", f"{AT}: Object missing required field `a_day`"),
        ("a_day: -3", "a_day: 3", f"{AT}.a_day: Expected `int` >= 0"),
        ("a_day: 2.5", "a_day: 3", f"{AT}.a_day: Expected `int`, got `float`"),
        ("a_day: true", "a_day: 3", f"{AT}.a_day: Expected `int`, got `bool`"),
        ("    a_day: 3\n    a_day: 4", "    a_day: 3", "key 'a_day' is there twice"),
        ("expires_after: -2d", "expires_after: 2d", f"{AT}.expires_after: Expected a length of time"),
        ("resend_unknown: perhaps", "resend_unknown: false", f"{AT}.resend_unknown: Expected `bool`, got `str`"),
        ("[mutes, quiet_hour]", "[mutes, quiet_hours]", f"{AT}.binds: check 'quiet_hour' is none of mutes, quiet_hours, hourly_limit"),
        ("[mutes, mutes, quiet_hours]", "[mutes, quiet_hours]", f"{AT}.binds: check 'mutes' is there twice"),
        ("binds: mutes", "binds: [mutes, quiet_hours]", f"{AT}.binds: Expected `array`, got `str`"),
        ("in_quiet_hours: wait", "in_quiet_hours: suppress", f"{AT}.in_quiet_hours: choice 'wait' is none of defer, suppress"),
        ("", "    in_quiet_hours: suppress\n", f"{AT}: in_quiet_hours is missing: defer or suppress"),
        ("binds: [mutes]", "binds: [mutes, quiet_hours]", f"{AT}.in_quiet_hours: quiet_hours is not in binds"),
        ("{first: [pigeon]}", "{first: [email]}", f"{AT}.channels.others: channel 'pigeon' is none of push, email, sms, in_app"),
        ("first: [push, push]", "first: [push, email]", f"{AT}.channels.high: channel 'push' is there twice"),
        ("{all: [email], first: [email]}", "{first: [email]}", f"{AT}.channels.others: either all or first, with one channel or more"),
        ("{first: []}", "{first: [email]}", f"{AT}.channels.others: either all or first, with one channel or more"),
        ("first: [push], after", "first: [push, email], after", f"{AT}.channels.high.after: no channel comes next"),
        ("all: [push, email], after: 1m", "first: [push, email], after: 1m", f"{AT}.channels.high.after: no channel comes next"),
        ("shed_over: late", "shed_over: 30m", f"{AT}.shed_over: Expected a length of time"),
        ("window: 1", "window: 1h", f"{AT}.digest.window: Expected a length of time"),
        ("first: soon", "first: now", f"{AT}.digest.first: choice 'soon' is none of wait, now"),
        ("count: 1", "daily: true", f"{AT}.digest.count: Expected `int` >= 2"),
        ("{first: now,", "{window: 1h, first: now,", f"{AT}.digest: Object missing required field `window`"),
        ("urgent: {", "high: {", f"{AT}.channels: Object contains unknown field `urgent`"),
        ("low: {first: [email]}", "others: {first: [email]}", f"{AT}.channels: critical is missing, and so is others"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, wrong: str, right: str, what: str) -> None:
    assert TEXT.count(right) == 1
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT.replace(right, wrong))
    with pytest.raises(PolicyInvalid) as raised:
        load_policy(path)
    assert f"{path}: {what}" in str(raised.value)


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(PolicyInvalid) as raised:
        read(TEXT.replace("an_hour: 4", "an_hour: 40").replace("a_day: 3", "a_day: -3").replace("all: [push, email]", "all: [fax]"))
    assert len(str(raised.value).splitlines()) == 5  # the free one is three categories'


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="No such file"):
        load_policy(tmp_path / "none.yaml")


def test_benches_and_fault_runs_have_the_policy_that_is_shipped_without_its_limits() -> None:
    def but_limits(policy: Policy) -> Policy:
        categories = {name: msgspec.structs.replace(one, a_day=0) for name, one in policy.categories.items()}
        return msgspec.structs.replace(policy, version="", an_hour=0, a_day=0, categories=categories)

    uncapped = load_policy(UNCAPPED)
    assert but_limits(uncapped) == but_limits(load_policy())
    assert min(uncapped.an_hour, uncapped.a_day, *(one.a_day for one in uncapped.categories.values())) >= 1_000_000
