"""Every way to falsify a log is found, by name and place; and the log that was not touched is clean."""

from collections.abc import Callable

import msgspec
import pytest

from ops.audit.model import Entry, Place
from schemas import ids
from schemas.partition import partition_of
from schemas.records import AudienceExpanded, Outcome, StatusBatch
from schemas.topics import EXPANSIONS, FANOUT, FANOUT_URGENT, PROFILES, REQUESTS, STATUS
from tests.unit.ops.audit.world import HOME, PARTITIONS, SALE, T0, USERS, World, consistent, judge

PUSH = "notify.deliver.push.normal"
EMAIL = "notify.deliver.email.critical"

Plant = Callable[[World], Place]
PLANTS: list[tuple[str, Plant]] = []


def planted(kind: str) -> Callable[[Plant], Plant]:
    def keep(plant: Plant) -> Plant:
        PLANTS.append((kind, plant))
        return plant

    return keep


def sent(world: World, channel: str = "push", users: int = 2) -> Entry:
    return world.find(STATUS, lambda it: it.batch_id and it.channel == channel and len(it.users) >= users)


def batch_of(world: World, status: Entry) -> Entry:
    return world.find(status.record.caused_by_topic, lambda it: it.batch_id == status.record.batch_id)


def ledger_of(world: World, status: Entry) -> list[Entry]:
    topic = status.record.caused_by_topic.replace("deliver", "ledger")
    return [entry for entry in world.topics[topic] if entry.key == status.record.batch_id.encode()]


@planted("status_missing")
def a_status_is_removed(world: World) -> Place:
    status = sent(world)
    world.drop(status)
    return batch_of(world, status).place


@planted("status_missing")
def a_status_of_suppressed_is_removed(world: World) -> Place:
    status = world.find(STATUS, lambda it: not it.batch_id)
    world.drop(status)
    return world.find(EXPANSIONS, lambda it: _same_chunk(it, status)).place


@planted("status_changed")
def a_status_is_repeated_in_other_bytes(world: World) -> Place:
    return world.again(sent(world), provider="other").place


@planted("two_states")
def a_batch_ends_twice(world: World) -> Place:
    return world.again(sent(world), status_id="another").place


@planted("recipient_twice")
def a_suppressed_user_was_sent_to_too(world: World) -> Place:
    suppressed = world.find(STATUS, lambda it: not it.batch_id and it.channel == "push")
    user = world.find(PUSH, lambda it: HOME[it.users[0]] == suppressed.place.partition).record.users[0]
    return world.swap(suppressed, users=[user, *suppressed.record.users[1:]])


@planted("two_states")
def a_recipient_is_moved_to_the_status_of_another_batch(world: World) -> Place:
    one = sent(world)
    other = world.find(PUSH, lambda it: it.batch_id != one.record.batch_id and HOME[it.users[0]] == one.place.partition)
    return world.swap(one, users=[other.record.users[0], *one.record.users[1:]])


@planted("recipient_lost")
def a_recipient_is_cut_out_of_a_status(world: World) -> Place:
    status, it = sent(world), sent(world).record
    return world.swap(
        status,
        users=it.users[1:],
        outcome_of=it.outcome_of[1:],
        profile_offsets=it.profile_offsets[1:],
        provider_message_ids=it.provider_message_ids[1:],
    )


@planted("recipient_of_nothing")
def a_status_names_someone_who_was_in_no_batch(world: World) -> Place:
    status = sent(world)
    return world.swap(status, users=["stranger", *status.record.users[1:]])


@planted("ledger_disagrees")
def a_failure_becomes_a_send(world: World) -> Place:
    status = world.find(STATUS, lambda it: it.batch_id and len(it.outcomes) > 1)
    return world.swap(status, outcome_of=[0] * len(status.record.users))


@planted("ledger_disagrees")
def a_message_id_is_altered(world: World) -> Place:
    status = sent(world)
    return world.swap(status, provider_message_ids=["x"] * len(status.record.users))


def mixed(world: World) -> Entry:
    """A batch that two providers shared; its status."""
    status = sent(world)
    columns = {"provider": "", "providers": ["sandbox", "other"], "provider_of": [0, 1, *[0] * len(status.record.users[2:])]}
    for entry in ledger_of(world, status):
        world.swap(entry, **columns)
    world.swap(status, **columns)
    return sent(world)


@planted("ledger_disagrees")
def another_provider_is_named(world: World) -> Place:
    status = mixed(world)
    return world.swap(status, provider_of=[0] * len(status.record.users))


@planted("ledger_uneven")
def a_provider_is_not_named(world: World) -> Place:
    intent = ledger_of(world, mixed(world))[0]
    return world.swap(intent, provider_of=intent.record.provider_of[1:])


@planted("sent_without_intent")
def the_ledger_of_a_batch_is_removed(world: World) -> Place:
    status = sent(world)
    for entry in ledger_of(world, status):
        world.drop(entry)
    return status.place


@planted("sent_without_intent")
def the_intent_was_never_written(world: World) -> Place:
    status = sent(world)
    intent = ledger_of(world, status)[0]
    done = ledger_of(world, status)[1]
    world.put(intent, done._replace(place=intent.place))  # twice the result, never the intent: offsets without a hole
    return status.place


def tried_again(world: World, became: str) -> Entry:
    """A batch whose first attempt left no result, and of whose second its first recipient became something else; its status."""
    status = sent(world)
    intent, done = ledger_of(world, status)
    world.again(done, attempt=2)
    world.put(done, intent._replace(place=done.place, record=msgspec.structs.replace(intent.record, attempt=2)))
    told = {"attempt": 2, "outcomes": [Outcome("sent"), Outcome(became)], "outcome_of": [1] + [0] * (len(status.record.users) - 1)}
    world.swap(ledger_of(world, status)[-1], **told)
    world.swap(status, **told)
    return next(entry for entry in world.topics[STATUS] if entry.place == status.place)


@planted("doubt_not_told")
def someone_who_opted_out_between_two_attempts_is_suppressed(world: World) -> Place:
    return tried_again(world, "suppressed").place


@planted("doubt_not_told")
def a_notification_expired_between_two_attempts(world: World) -> Place:
    return tried_again(world, "expired").place


@planted("doubt_not_told")
def a_second_attempt_failed(world: World) -> Place:
    return tried_again(world, "failed").place


@planted("status_before_result")
def the_result_is_removed(world: World) -> Place:
    status = sent(world)
    world.drop(ledger_of(world, status)[-1])
    return status.place


@planted("ledger_changed")
def the_ledger_is_finished_again_otherwise(world: World) -> Place:
    return world.again(ledger_of(world, sent(world))[-1], finished_at=T0 + 9000).place


@planted("ledger_uneven")
def a_result_is_cut_out_of_the_ledger(world: World) -> Place:
    entry = ledger_of(world, sent(world))[-1]
    return world.swap(entry, outcome_of=entry.record.outcome_of[1:])


@planted("profile_stale")
def an_opt_out_came_before_the_intent(world: World) -> Place:
    status = sent(world)
    world.write(PROFILES, status.place.partition, T0 + 2000, status.record.users[0], "changed")
    return status.place


@planted("profile_deleted")
def a_deleted_user_was_sent_to(world: World) -> Place:
    status = sent(world)
    user = status.record.users[0]
    entry = next(it for it in world.topics[PROFILES] if it.key == user.encode())
    world.put(entry, entry._replace(record=None))
    return status.place


@planted("profile_of_another")
def the_profile_of_another_is_cited(world: World) -> Place:
    status = sent(world)
    offsets = [status.record.profile_offsets[1], *status.record.profile_offsets[1:]]
    world.swap(ledger_of(world, status)[-1], profile_offsets=offsets)
    return world.swap(status, profile_offsets=offsets)


@planted("profile_missing")
def nobody_is_cited(world: World) -> Place:
    status = sent(world)
    offsets = [-1, *status.record.profile_offsets[1:]]
    world.swap(ledger_of(world, status)[-1], profile_offsets=offsets)
    return world.swap(status, profile_offsets=offsets)


@planted("chunk_missing")
def a_chunk_is_removed_in_the_middle(world: World) -> Place:
    chunk = world.find(EXPANSIONS, lambda it: it.chunk == 1)
    world.drop(chunk)
    return Place(FANOUT, chunk.record.partition, chunk.record.fanout_offset)


@planted("chunk_missing")
def the_last_chunk_is_removed(world: World) -> Place:
    chunk = world.find(EXPANSIONS, lambda it: it.last and it.chunk > 0)
    world.drop(chunk)
    return Place(FANOUT, chunk.record.partition, chunk.record.fanout_offset)


@planted("last_missing")
def no_chunk_of_a_partition_is_the_last(world: World) -> Place:
    return world.swap(world.find(EXPANSIONS, lambda it: it.last and it.chunk > 0), last=False)


@planted("chunk_after_last")
def two_chunks_are_the_last(world: World) -> Place:
    return world.swap(world.find(EXPANSIONS, lambda it: it.chunk == 0 and not it.last), last=True)


@planted("chunk_changed")
def a_chunk_is_repeated_with_other_figures(world: World) -> Place:
    return world.again(world.find(EXPANSIONS), at=T0 + 1).place


@planted("command_missing")
def the_commands_of_a_partition_are_removed(world: World) -> Place:
    for entry in world.of(FANOUT, 2):
        world.drop(entry)
    for entry in [it for it in world.topics[EXPANSIONS] if it.record.partition == 2 and it.record.notification_id == SALE.notification_id]:
        world.drop(entry)
    return world.find(REQUESTS).place


@planted("command_early")
def a_request_was_for_later_than_its_commands(world: World) -> Place:
    request = world.find(REQUESTS, lambda it: it.notification == SALE)
    world.swap(request, notification=msgspec.structs.replace(SALE, not_before=T0 + 60_000))
    return world.find(FANOUT).place


@planted("chunk_without_command")
def a_command_is_removed(world: World) -> Place:
    command = world.find(FANOUT, lambda it: it.chunk == 1)
    world.drop(command)
    cited = command.place.partition, command.place.offset
    return world.find(EXPANSIONS, lambda it: (it.partition, it.fanout_offset) == cited and it.chunk == 1).place


@planted("audience_differs")
def a_command_leaves_out_a_user_who_was_named(world: World) -> Place:
    command = world.find(FANOUT_URGENT, lambda it: len(it.users) > 1)
    world.swap(command, users=command.record.users[1:])
    return world.find(REQUESTS, lambda it: bool(it.audience.users)).place


@planted("nobody_asked")
def a_command_names_another_user(world: World) -> Place:
    command = world.find(FANOUT_URGENT, lambda it: any(int(user.split("-")[1]) % 5 for user in it.users))
    world.swap(command, users=["someone-else"])
    return next(it for it in world.of(EMAIL, command.place.partition)).place


@planted("recipient_twice")
def a_recipient_is_in_two_batches(world: World) -> Place:
    one, other = [it for it in world.of(PUSH, 1) if len(it.record.users) > 1][:2]
    return world.swap(other, users=[one.record.users[0], *other.record.users[1:]])


@planted("queued_differs")
def the_queued_count_is_not_the_batch(world: World) -> Place:
    chunk = world.find(EXPANSIONS, lambda it: len(it.queued) == 2 and it.queued["push"] and it.suppressed["push"])
    told = chunk.record
    return world.swap(
        chunk,
        queued={**told.queued, "push": told.queued["push"] + 1},
        suppressed={**told.suppressed, "push": told.suppressed["push"] - 1},
    )


@planted("chunk_sum")
def a_chunk_does_not_add_up(world: World) -> Place:
    chunk = world.find(EXPANSIONS, lambda it: not it.last)
    return world.swap(chunk, users=chunk.record.users + 1)


@planted("batch_missing")
def a_batch_is_removed_with_all_that_followed(world: World) -> Place:
    status = sent(world)
    for entry in [batch_of(world, status), *ledger_of(world, status), status]:
        world.drop(entry)
    return world.find(EXPANSIONS, lambda it: _chunk_of(it, status)).place


@planted("status_without_batch")
def a_batch_is_removed(world: World) -> Place:
    status = sent(world)
    world.drop(batch_of(world, status))
    return status.place


@planted("batch_changed")
def a_batch_is_repeated_in_other_bytes(world: World) -> Place:
    return world.again(world.find(PUSH), policy_version="p2").place


@planted("before_its_cause")
def a_status_is_older_than_its_batch(world: World) -> Place:
    status = sent(world)
    return world.put(status, status._replace(timestamp=T0))


@planted("status_cause")
def a_status_names_another_cause(world: World) -> Place:
    return world.swap(sent(world), caused_by_offset=999)


@planted("status_not_final")
def a_status_is_not_the_end(world: World) -> Place:
    status = world.find(STATUS, lambda it: not it.batch_id)
    return world.swap(status, outcomes=[Outcome("queued")])


@planted("unreadable")
def a_status_can_not_be_read(world: World) -> Place:
    status = sent(world)
    return world.put(status, status._replace(record=None, digest=0))


@planted("command_without_request")
def a_request_is_removed(world: World) -> Place:
    world.drop(world.find(REQUESTS))
    return world.find(FANOUT).place


@planted("wrong_partition")
def a_recipient_lives_elsewhere(world: World) -> Place:
    away = next(name for name in map("new-{}".format, range(99)) if partition_of(name, PARTITIONS) != 1)
    batch = next(it for it in world.of(PUSH, 1))
    return world.swap(batch, users=[away, *batch.record.users[1:]])


@pytest.mark.parametrize(("kind", "plant"), PLANTS, ids=[plant.__name__ for _, plant in PLANTS])
def test_it_is_found_and_named(kind: str, plant: Plant) -> None:
    world = consistent()
    place = plant(world)
    report = judge(world)
    assert (kind, place) in [(it.kind, Place(it.topic, it.partition, it.offset)) for it in report.violations]


def test_what_was_not_touched_is_clean() -> None:
    report = judge(consistent())
    assert report.violations == []
    assert report.not_checkable == {}
    assert [sums.audience for one in report.notifications.values() for sums in one.channels.values()] == [len(USERS), len(USERS), 7]
    assert all(sums.difference == 0 and sums.pending == 0 for one in report.notifications.values() for sums in one.channels.values())
    assert all(one.expanded for one in report.notifications.values())


@pytest.mark.parametrize("became", ["unknown", "sent"])
def test_after_an_attempt_without_a_result_unknown_and_sent_are_clean(became: str) -> None:
    world = consistent()
    tried_again(world, became)
    assert judge(world).violations == []


def test_where_the_first_intent_is_compacted_a_doubt_is_not_checkable() -> None:
    world = consistent()
    status = tried_again(world, "suppressed")
    world.drop(ledger_of(world, status)[0])
    report = judge(world)
    assert report.violations == []
    assert "the intent of an earlier attempt is compacted" in report.not_checkable


def test_a_batch_that_two_providers_shared_is_clean() -> None:
    world = consistent()
    mixed(world)
    report = judge(world)
    assert report.violations == []


def test_what_is_repeated_in_the_same_bytes_is_clean() -> None:
    world = consistent()
    for topic in list(world.topics):
        if not topic.startswith(("notify.profiles", "notify.ledger")):
            for entry in list(world.topics[topic]):
                world.again(entry)
    assert judge(world).violations == []


def _same_chunk(told: AudienceExpanded, status: Entry) -> bool:
    it: StatusBatch = status.record
    mine = (it.notification.notification_id, it.caused_by_partition, it.caused_by_offset)
    return (told.notification_id, told.partition, told.fanout_offset) == mine


def _chunk_of(told: AudienceExpanded, status: Entry) -> bool:
    it: StatusBatch = status.record
    return ids.batch_id(told.notification_id, told.partition, told.chunk, it.channel) == it.batch_id
