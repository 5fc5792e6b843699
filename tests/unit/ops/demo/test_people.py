from ops.demo.people import TAG, profile, user_id
from ops.demo.seeding import by_partition, last_of_each_partition
from schemas.partition import partition_of
from streams.profiles.rules import User, fold

MANY = 5_000


def share(wanted: list[bool]) -> float:
    return sum(wanted) / len(wanted)


def test_the_same_number_is_the_same_person() -> None:
    assert profile(42, 1) == profile(42, 1)
    assert profile(42, 1).user_id == "shopper-000042" == user_id(42)


def test_people_differ_as_they_should() -> None:
    people = [fold(User(), profile(number, 1), 0).profile for number in range(MANY)]
    known = [person for person in people if person is not None]
    assert len(known) == MANY
    assert all(person.tags == [TAG] for person in known)
    assert 0.10 < share([not person.devices for person in known]) < 0.14
    assert 0.06 < share([len(person.devices) == 2 for person in known]) < 0.10
    assert 0.08 < share(["promotional" in person.muted_categories for person in known]) < 0.12
    assert 0.13 < share(["email" not in person.channels for person in known]) < 0.17
    assert 0.02 < share([not person.email for person in known]) < 0.04
    assert 0.27 < share([person.language == "de" for person in known]) < 0.33


def test_profiles_travel_in_bounded_records_of_one_partition_each() -> None:
    groups = list(by_partition((profile(number, 1) for number in range(MANY)), 8))
    assert sum(len(changes) for _, changes in groups) == MANY
    for partition, changes in groups:
        assert 0 < len(changes) <= 500
        assert {partition_of(change.user_id, 8) for change in changes} == {partition}


def test_who_knows_the_last_of_each_partition_knows_all() -> None:
    last = last_of_each_partition(MANY, 8)
    assert {partition_of(user, 8) for user in last} == set(range(8))
    in_order = [change.user_id for _, changes in by_partition((profile(number, 1) for number in range(MANY)), 8) for change in changes]
    of_partition = {partition_of(user, 8): user for user in in_order}
    assert sorted(of_partition.values()) == last
