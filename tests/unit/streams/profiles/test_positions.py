"""What a source has said of a user, in few numbers."""

from streams.profiles.positions import MAX_NOTES, NEVER, Part, newest, newest_of_all, noted, reached

EMAIL, DEVICES = Part("email", None, "a@x"), Part("devices", None, [])


def device(number: int) -> Part:
    return Part("devices", f"token-{number}", None)


def test_of_a_source_that_said_nothing_nothing_is_old() -> None:
    assert (newest({}, "api"), reached({}, "api", EMAIL)) == (NEVER, NEVER)


def test_fields_have_positions_of_their_own() -> None:
    known = noted(noted({}, "api", 7, [EMAIL], whole=False), "api", 4, [DEVICES], whole=False)
    assert [reached(known, "api", part) for part in (EMAIL, DEVICES, Part("tags", None, []))] == [7, 4, NEVER]
    assert newest(known, "api") == 7


def test_a_whole_row_is_one_number() -> None:
    known = noted(noted({"cdc": 1}, "api", 7, [EMAIL, device(1)], whole=False), "api", 9, [EMAIL], whole=True)
    assert known == {"cdc": 1, "api": 9}


def test_what_is_newer_than_a_whole_row_stays_so() -> None:
    known = noted(noted({}, "api", 7, [EMAIL], whole=False), "api", 5, [DEVICES], whole=True)
    assert [reached(known, "api", part) for part in (EMAIL, DEVICES, device(1))] == [7, 5, 5]
    assert known == {"api": 7, "api#": 5, "api#email": 7}


def test_a_list_and_its_elements_know_of_each_other() -> None:
    one = noted({}, "api", 7, [device(1)], whole=False)
    assert [reached(one, "api", part) for part in (device(1), device(2), DEVICES)] == [7, NEVER, 7]
    both = noted(one, "api", 9, [DEVICES], whole=False)
    assert [reached(both, "api", part) for part in (device(1), device(2), DEVICES)] == [9, 9, 9]
    assert both == {"api": 9, "api#": NEVER, "api#devices": 9}


def test_no_source_reads_what_another_said() -> None:
    known = noted({}, "api", 7, [EMAIL], whole=False)
    assert reached(known, "ap", EMAIL) == reached(known, "api2", EMAIL) == NEVER
    assert noted(known, "ap", 3, [EMAIL], whole=True) == known | {"ap": 3}


def test_no_address_can_be_read_in_them() -> None:
    assert "token-1" not in str(noted({}, "api", 7, [device(1)], whole=False))


def test_they_are_bounded_and_forget_the_oldest() -> None:
    known: dict[str, int] = {}
    for number in range(3 * MAX_NOTES):
        known = noted(known, "api", number, [device(number)], whole=False)
    assert len(known) == MAX_NOTES + 2
    last = 3 * MAX_NOTES - 1
    assert reached(known, "api", device(last)) == last
    assert reached(known, "api", device(0)) == reached(known, "api", EMAIL) == last - MAX_NOTES


def test_the_newest_of_each_source_is_no_more_than_that() -> None:
    known = noted(noted({"cdc": 5}, "api", 7, [EMAIL, device(1)], whole=False), "api", 4, [DEVICES], whole=False)
    assert newest_of_all(known) == {"cdc": 5, "api": 7}
