"""A file of users: everybody once, in the order a list in parts has to have; and lines that name nobody who can be."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.cli import listing
from ops.cli.asking import Asked, fitting, request_of
from ops.cli.errors import BadRequest, GaveUp
from ops.cli.listing import MAX_LINE_BYTES, listed, read
from ops.cli.producing import LogProducer, Place
from ops.cli.requesting import parts_of, produce
from providers.catalogue import Templates
from schemas.records import Audience, NotificationRequested
from schemas.topics import REQUESTS
from streams.planner.listing import plan_part
from streams.planner.rules import MAX_OWN_BYTES, Listing
from streams.policy.loader import load_policy
from tests.unit.streams.make import codec, request

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=8).filter(
    lambda name: name == name.strip() and not name.startswith(("{", "\ufeff"))
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists") / "users.txt"


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PART_USERS", 3)
    monkeypatch.setattr(listing, "PART_BYTES", 20)


def anything(data: Mapping[str, str]) -> None:
    """All data fit."""


ORDER = Asked("direct", "order_placed", "transactional", "high", data={"name": "you", "order_id": "1"})
fits = fitting(ORDER, Templates.load())


def audiences(file: Path) -> list[Audience]:
    with listed(str(file), anything) as found:
        return list(found.parts())


def parts(file: Path) -> list[list[str]]:
    return [part.users for part in audiences(file)]


@given(names=st.lists(NAMES, min_size=1, max_size=40), ends=st.sampled_from(["\n", "\r\n", "  \n\n"]))
@settings(max_examples=60, deadline=None)
def test_everybody_is_in_it_once_in_the_planners_order(file: Path, names: list[str], ends: str) -> None:
    file.write_bytes("".join(name + ends for name in names).encode())
    with listed(str(file), anything) as found:
        assert [user for part in found.parts() for user in part.users] == sorted(set(names))
        assert (found.lines, found.users) == (len(names), len(set(names)))


@pytest.mark.usefixtures("_small_parts")
def test_parts_are_bounded_by_number_and_by_bytes(file: Path) -> None:
    file.write_text("\n".join(["a", "b", "c", "d" * 15, "e" * 5, "f" * 30, "g"]))
    assert parts(file) == [["a", "b", "c"], ["d" * 15, "e" * 5], ["f" * 30], ["g"]]


@pytest.mark.usefixtures("_small_parts")
def test_the_planner_takes_what_was_cut(file: Path) -> None:
    file.write_text("\n".join(f"u{number:02}" for number in reversed(range(20))))
    first, *rest = audiences(file)
    asked = msgspec.structs.replace(request(users=tuple(first.users)), users_in_all=20)
    planned, users = Listing(), 0
    for one in parts_of(asked, rest):
        commands, planned = plan_part(one, planned, 4)
        users += sum(len(command.users) for _, command in commands)
    assert (planned.parts, planned.users, users) == (7, 20, 20)
    assert {command.last for _, command in commands} == {True}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"user": "bo", "data": {"total": 1}}', r"line 3: Expected `str`, got `int` - at `\$.data"),
        (b'{"user": "bo", "total": "1"}', "line 3: Object contains unknown field `total`"),
        (b'{"data": {"total": "1"}}', "line 3: Object missing required field `user`"),
        (b'{"user": "bo"', "line 3: Input data was truncated"),
        (b'{"user": "", "data": {"total": "1"}}', "line 3: user id '' has 0 bytes: 1 to 256"),
        (b'{"user": "bo", "data": {"colour": "red", "total": "1"}}', "line 3: .*undeclared variable: colour"),
        (b'{"user": "bo", "data": {"name": "Bo"}}', "line 3: .*missing variable: total"),
        (b"bo", "line 3: .*missing variable: total"),
        (b'{"user": "bo", "data": {"total": "' + b"1" * MAX_OWN_BYTES + b'"}}', "line 3: data of 4101 bytes; the limit is 4096"),
        (b"x" * 257, "line 3: user id 'x+' has 257 bytes: 1 to 256"),
        (b"\xff", "line 3: .*codec can't decode byte 0xff"),
        (b"x" * (MAX_LINE_BYTES + 1), f"line 3: longer than {MAX_LINE_BYTES} bytes"),
    ],
)
def test_a_line_that_names_nobody_who_can_be(line: bytes, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        list(read(io.BytesIO(b'{"user": "ann", "data": {"total": "1"}}\n\n' + line + b"\nbo\n"), fits))


def test_a_byte_order_mark_is_no_part_of_a_name(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfann\r\n")
    assert parts(file) == [["ann"]]


def test_a_file_that_names_nobody(file: Path) -> None:
    file.write_text("\n \n")
    with pytest.raises(BadRequest, match="it names nobody"), listed(str(file), anything):
        pass


def test_when_there_is_no_room_to_sort_it_says_where(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_SETTINGS", (*listing._SETTINGS, "max_page_count = 3"))
    file.write_text("\n".join(f"user-{number}" for number in range(3000)))
    with pytest.raises(GaveUp, match=r"disk is full \(it is sorted in a file in SQLITE_TMPDIR"), listed(str(file), anything):
        pass


CODEC = codec()
ASKED = msgspec.structs.replace(request(users=("a",), key="my-key"), users_in_all=3)


class _Producer(LogProducer):
    """Takes so many records, and no more."""

    def __init__(self, room: int) -> None:
        self.room, self.written = room, list[NotificationRequested]()

    def send(self, topic: str, key: bytes | None, value: bytes | None, **_: object) -> Place:
        if len(self.written) == self.room:
            raise GaveUp("no room")
        self.written.append(CODEC.decode(value, NotificationRequested))
        assert key == self.written[-1].notification.notification_id.encode()
        return Place(topic, 0, len(self.written))


def test_all_parts_are_written_in_order() -> None:
    producer = _Producer(9)
    places = produce(parts_of(ASKED, [Audience(["b"]), Audience(["c"])]), producer, CODEC)
    assert places == [Place(REQUESTS, 0, number) for number in (1, 2, 3)]
    assert [(one.part, one.users_in_all, one.audience.users) for one in producer.written] == [(0, 3, ["a"]), (1, 3, ["b"]), (2, 3, ["c"])]
    assert len({(one.notification.notification_id, one.idempotency_key) for one in producer.written}) == 1


def test_a_list_that_was_cut_off_says_how_to_go_on() -> None:
    with pytest.raises(GaveUp, match="no room; 2 parts of the list are written, and are told; the same again with --key my-key goes on"):
        produce(parts_of(ASKED, [Audience(["b"]), Audience(["c"])]), _Producer(2), CODEC)
    with pytest.raises(GaveUp, match="^no room$"):
        produce(parts_of(ASKED, [Audience(["b"])]), _Producer(0), CODEC)


@pytest.mark.usefixtures("_small_parts")
def test_data_of_their_own_go_with_their_users(file: Path) -> None:
    file.write_text(
        'bo\n{"user": "ann", "data": {"b": "2", "a": "\\u00e9"}}\n{"user": "ann", "data": {"a": "é", "b": "2"}}\ncy\n{"user": "di"}\n'
    )
    assert audiences(file) == [Audience(["ann"], data=[{"a": "é", "b": "2"}]), Audience(["bo", "cy", "di"])]


@pytest.mark.parametrize("other", ['{"user": "ann", "data": {"a": "2"}}', "ann"])
def test_one_user_has_one_word_of_their_own(file: Path, other: str) -> None:
    file.write_text(f'bo\n{{"user": "ann", "data": {{"a": "1"}}}}\n{other}\n')
    with pytest.raises(BadRequest, match="lines 2 to 3: they say different data of user 'ann'"):
        audiences(file)


def test_what_every_recipient_says_need_not_be_said_for_all() -> None:
    templates, policy = Templates.load(), load_policy()
    asked = replace(ORDER, users=["ann", "bo"], own=[{"total": "1"}, {"total": "2", "name": "Bo"}])
    assert request_of(asked, "k", 0, templates, policy).audience == Audience(["ann", "bo"], data=list(asked.own))
    with pytest.raises(BadRequest, match="missing variable: total"):
        request_of(replace(asked, own=[{"total": "1"}, {}]), "k", 0, templates, policy)
