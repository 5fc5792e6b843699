"""The ledger of one batch, through any number of crashes at any points."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import LedgerEntry, Outcome
from streams.delivery.ledger import CRASHED, Result, called, finished, intending, opened, recorded, settled, status_of
from tests.unit.streams.make import NOW, batch

SENT, FAILED = Outcome("sent"), Outcome("failed", "unregistered")
SUPPRESSED, EXPIRED = Outcome("suppressed", "channel_disabled"), Outcome("expired", "expired")
NO_ANSWER = Outcome("unknown", "no_answer")
USERS = [f"u{number}" for number in range(7)]


def intent(entry: LedgerEntry, upto: int, name: str = "s") -> LedgerEntry:
    """An intent for those up to a recipient, by one provider."""
    return intending(entry, [name] * (upto - entry.done))


def result(entry: LedgerEntry, some: Sequence[Result], name: str = "s") -> LedgerEntry:
    """Results by one provider."""
    return recorded(entry, some, [name] * len(some))


def results(*outcomes: Outcome) -> list[Result]:
    return [Result(outcome, f"id-{number}", 10 + number) for number, outcome in enumerate(outcomes)]


def well_formed(entry: LedgerEntry) -> None:
    assert 0 <= entry.done <= entry.intended <= len(USERS)
    assert len(entry.outcome_of) == len(entry.provider_message_ids) == len(entry.profile_offsets) == entry.done
    assert all(0 <= number < len(entry.outcomes) for number in entry.outcome_of)
    assert len(called(entry)) == entry.intended
    assert bool(entry.provider) != bool(entry.providers) or not entry.intended
    assert len(set(entry.outcomes)) == len(entry.outcomes)


def test_a_batch_is_opened_once() -> None:
    entry = opened(None, 5)
    assert entry == LedgerEntry(5, intended=0, done=0)
    assert opened(entry, 9) is entry


def test_nothing_open_is_nothing_to_settle() -> None:
    entry = result(intent(opened(None, 5), 2), results(SENT, FAILED))
    assert settled(entry, resend=False) is entry
    assert settled(entry, resend=True) is entry


def test_what_was_open_is_unknown() -> None:
    entry = intent(result(opened(None, 5), results(SENT)), 3)
    lost = settled(entry, resend=False)
    assert (lost.done, lost.intended, lost.attempt) == (3, 3, 1)
    assert [lost.outcomes[number] for number in lost.outcome_of] == [SENT, CRASHED, CRASHED]
    assert lost.profile_offsets == [10, -1, -1]


def test_or_is_tried_again_with_a_number() -> None:
    entry = intent(result(opened(None, 5), results(SENT)), 3)
    again = settled(entry, resend=True)
    assert (again.done, again.intended, again.attempt) == (1, 3, 2)


@pytest.mark.parametrize("outcome", [SUPPRESSED, EXPIRED, FAILED])
def test_what_a_repeat_did_not_send_is_unknown(outcome: Outcome) -> None:
    """Two of three were open; the third is met for the first time, so what is said of it is true."""
    entry = intent(result(opened(None, 5), results(SENT)), 3)
    after = result(settled(entry, resend=True), results(outcome, outcome, outcome))
    became = [after.outcomes[number] for number in after.outcome_of[1:]]
    assert [one.status for one in became] == ["unknown", "unknown", outcome.status]
    assert became[0].reason == CRASHED.reason
    assert became[0].detail.endswith(f"not sent again: {outcome.status} ({outcome.reason})")
    assert after.profile_offsets[1:] == [10, 11, 12]


@pytest.mark.parametrize("outcome", [SENT, NO_ANSWER])
def test_what_a_repeat_sent_or_may_have_sent_is_told_as_it_is(outcome: Outcome) -> None:
    entry = settled(intent(opened(None, 5), 1), resend=True)
    assert result(entry, results(outcome)).outcomes == [outcome]


def test_an_intent_is_not_taken_back_by_a_smaller_one() -> None:
    """Slices may be smaller after a deployment: who was open stays open until there is a result."""
    entry = intent(settled(intent(opened(None, 5), 4), resend=True), 2)
    assert (entry.intended, entry.attempt) == (4, 2)


def test_results_without_an_intent_are_intended_as_well() -> None:
    """A provider where sending twice is as good as once needs no intent."""
    assert result(opened(None, 5), results(SENT, SENT)).intended == 2


def test_of_several_providers_it_is_known_who_was_called_for_whom() -> None:
    """Of an attempt that left no result too, however the next one cuts its slices; and one for all is said once."""
    entry = intending(recorded(opened(None, 5), results(SENT), ["a"]), ["b", "a", "b"])
    assert (called(entry), entry.provider, entry.providers) == (["a", "b", "a", "b"], "", ["a", "b"])
    assert called(settled(entry, resend=False)) == called(settled(entry, resend=True)) == called(entry)
    again = intending(settled(entry, resend=True), ["a"])
    assert called(again) == ["a", "a", "a", "b"]
    after = recorded(entry, results(SENT, SENT, SENT), ["a", "a", "a"])
    assert (called(after), after.provider, after.providers, after.provider_of) == (["a"] * 4, "a", [], [])
    status = status_of(batch(*USERS[:4]), finished(settled(entry, resend=False), NOW), "t", 0)
    assert (status.provider, status.providers, status.provider_of) == ("", ["a", "b"], [0, 1, 0, 1])


def test_a_result_never_takes_an_intent_back() -> None:
    assert result(intent(opened(None, 5), 3), results(SENT)).intended == 3


@given(st.lists(st.lists(st.sampled_from([SENT, FAILED, CRASHED]), max_size=3), max_size=5))
def test_results_add_up_in_order(slices: list[list[Outcome]]) -> None:
    entry = opened(None, 5)
    for some in slices:
        entry = result(entry, results(*some))
    flat = [outcome for some in slices for outcome in some]
    assert [entry.outcomes[number] for number in entry.outcome_of] == flat
    assert len(entry.outcomes) == len(set(flat))


def deliver(
    stored: LedgerEntry | None, size: int, resend: bool, steps: int, sends: dict[str, int], outcome: Outcome = SENT
) -> LedgerEntry | None:
    """Work on the batch for so many durable steps, then crash: returns what is durable. Counts what the provider took.

    All have the same outcome; one that is not `sent` is met after the intent, as if an address were refused.
    """
    entry = settled(opened(stored, 5), resend)
    while entry.done < len(USERS):
        upto = min(len(USERS), entry.done + size)
        if (steps := steps - 1) < 0:
            return stored
        stored = intent(entry, upto)
        for user in USERS[entry.done : upto]:
            sends[user] = sends.get(user, 0) + (outcome == SENT)
        entry = result(entry, results(*[outcome] * (upto - entry.done)))
        well_formed(entry)
    if steps - 1 < 0:
        return stored
    return finished(entry, NOW)


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 4), st.booleans())
def test_whatever_crashes_everyone_has_one_result(crashes: Sequence[int], size: int, resend: bool) -> None:
    sends: dict[str, int] = {}
    stored: LedgerEntry | None = None
    for steps in [*crashes, 100]:
        if stored is None or stored.finished_at is None:
            stored = deliver(stored, size, resend, steps, sends)
            if stored:
                well_formed(stored)
    assert stored is not None
    assert stored.done == stored.intended == len(USERS)
    status = status_of(batch(*USERS), stored, "t", 0)
    became = dict(zip(USERS, [status.outcomes[number] for number in status.outcome_of], strict=True))
    assert set(became) == set(USERS)
    for user, outcome in became.items():
        if resend:
            assert outcome == SENT
            assert sends[user] <= stored.attempt
        else:
            assert (outcome == CRASHED) or sends[user] == 1
            assert sends.get(user, 0) <= 1


LIVES = st.tuples(st.integers(0, 5), st.integers(1, 4), st.booleans(), st.sampled_from([SENT, SUPPRESSED, FAILED, EXPIRED]))


@given(st.lists(LIVES, max_size=6), st.sampled_from([SENT, SUPPRESSED]))
def test_whoever_was_reached_is_never_told_as_not_sent_to(lives: Sequence[tuple[int, int, bool, Outcome]], last: Outcome) -> None:
    """Each life has its slices, policy and opinions; nobody who was reached once is told as suppressed, failed or expired."""
    sends: dict[str, int] = {}
    stored: LedgerEntry | None = None
    for steps, size, resend, outcome in [*lives, (100, 3, True, last)]:
        if stored is None or stored.finished_at is None:
            stored = deliver(stored, size, resend, steps, sends, outcome)
            if stored:
                well_formed(stored)
    assert stored is not None
    for user, number in zip(USERS, stored.outcome_of, strict=True):
        status = stored.outcomes[number].status
        assert status in ("sent", "unknown") or not sends[user]
        assert status != "sent" or sends[user]


def test_the_status_says_what_the_ledger_says_whenever_it_is_told() -> None:
    entry = finished(result(opened(None, 5), results(SENT, FAILED), "sandbox"), NOW)
    told = status_of(batch("ann", "bob"), entry, "notify.deliver.push.low", 3)
    assert told == status_of(batch("ann", "bob"), msgspec.convert(msgspec.to_builtins(entry), LedgerEntry), "notify.deliver.push.low", 3)
    assert (told.users, told.outcomes, told.outcome_of) == (["ann", "bob"], [SENT, FAILED], [0, 1])
    assert (told.provider, told.attempt, told.at, told.batch_id) == ("sandbox", 1, NOW, "b-1")
    assert (told.caused_by_topic, told.caused_by_partition, told.caused_by_offset) == ("notify.deliver.push.low", 3, 5)
    assert (told.provider_message_ids, told.profile_offsets) == (["id-0", "id-1"], [10, 11])


@pytest.mark.parametrize(("channel", "data"), [("in_app", [{"name": "Ann"}, {}]), ("push", [])])
def test_the_inbox_is_told_the_data_it_will_be_read_with(channel: str, data: list[dict[str, str]]) -> None:
    entry = finished(recorded(opened(None, 5), results(SENT, SENT), ["sandbox"] * 2), NOW)
    some = msgspec.structs.replace(batch("ann", "bob", channel=channel), data=[{"name": "Ann"}, {}])
    assert status_of(some, entry, "notify.deliver.push.low", 3).data == data
