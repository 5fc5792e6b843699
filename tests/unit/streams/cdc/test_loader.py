"""Table mappings from files: what is wrong is said with file and table."""

from pathlib import Path

import pytest

from ops.demo.upstream.connector import TABLES
from schemas.columns import READERS
from schemas.table_changes import ElementMapping, TableMapping
from streams.cdc.errors import MappingsInvalid
from streams.cdc.loader import SHIPPED, load_mappings, mappings_of
from streams.settings import WorkerSettings

MAPPINGS = """
  - table: people
    user_id: id
    fields: {email: mail}
    quiet_hours: [quiet_from, quiet_to]
    on_delete: user_gone
  - table: phones
    user_id: owner
    kind: devices
    element: token
    about: platform
"""


def write(folder: Path, text: str, name: str = "tables.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_of_mappings(tmp_path: Path) -> None:
    write(tmp_path, "tables:" + MAPPINGS)
    assert load_mappings(tmp_path) == {
        "people": TableMapping(
            source="cdc:people", user_id="id", fields={"email": "mail"}, quiet_hours=("quiet_from", "quiet_to"), on_delete="user_gone"
        ),
        "phones": ElementMapping(source="cdc:phones", user_id="owner", kind="devices", element="token", about="platform"),
    }


def test_the_shop_s_mappings_are_of_the_tables_that_workers_read_and_the_connector_carries() -> None:
    shipped = load_mappings(SHIPPED)
    assert tuple(shipped) == WorkerSettings().tables == TABLES
    said = [field for mapping in shipped.values() for field in mapping.says]
    assert sorted(said) == sorted(READERS.keys() | {"quiet_hours"}), "all that a profile has, each once"


def test_tables_without_a_mapping_are_named() -> None:
    shipped = load_mappings()
    assert mappings_of(["devices"], shipped) == {"devices": shipped["devices"]}
    with pytest.raises(MappingsInvalid, match="no mapping of table cats, dogs; there are customers, devices, preferences"):
        mappings_of(["dogs", "devices", "cats"], shipped)
    with pytest.raises(MappingsInvalid, match="CARILLON_TABLES names no table"):
        mappings_of([], shipped)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{email: mail}", "{e_mail: mail}", "table people: cdc:people: no such profile field: e_mail"),
        ("{email: mail}", "[email]", "table people: Expected `object`"),
        ("    user_id: id\n", "", "table people: Object missing required field `user_id`"),
        ("on_delete: user_gone", "on_delete: forget", "table people: Invalid enum value 'forget'"),
        ("on_delete: user_gone", "on_deleted: user_gone", "table people: Object contains unknown field `on_deleted`"),
        ("[quiet_from, quiet_to]", "[quiet_from]", "table people: Expected `array` of length 2"),
        ("on_delete: user_gone", "source: cdc:x", "table people: `source` is cdc:people"),
        ("kind: devices", "kind: gadgets", "table phones: Invalid enum value 'gadgets'"),
        ("    about: platform\n", "", "table phones: cdc:phones: devices and suppressed need `about`"),
        ("    element: token\n", "", "table phones: Object missing required field `element`"),
        ("    kind: devices\n", "", "table phones: Object contains unknown field `element`"),
        ("table: phones", "table: Phones", "mapping number 2: `table` must be a name of lower-case letters, digits and _: 'Phones'"),
        ("table: phones", "name: phones", "mapping number 2: `table` must be"),
        ("table: phones", "table: people", "table people: "),
    ],
)
def test_a_bad_mapping_is_named_with_its_file(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPINGS
    path = write(tmp_path, "tables:" + MAPPINGS.replace(old, new))
    with pytest.raises(MappingsInvalid) as error:
        load_mappings(tmp_path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_mapping_that_says_nothing_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "tables: [{table: a, user_id: id}]")
    with pytest.raises(MappingsInvalid, match="table a: cdc:a: says nothing about anybody"):
        load_mappings(tmp_path)
    write(tmp_path, "tables: [{table: a, user_id: id, on_delete: user_gone}]")
    assert load_mappings(tmp_path)["a"].says == ()


@pytest.mark.parametrize(
    "second", ["{table: b, user_id: id, fields: {devices: d}}", "{table: b, user_id: id, kind: devices, element: t, about: p}"]
)
def test_a_field_has_one_table(tmp_path: Path, second: str) -> None:
    write(tmp_path, f"tables: [{{table: a, user_id: id, fields: {{devices: d}}}}, {second}]")
    with pytest.raises(MappingsInvalid, match="tables a and b both say 'devices'"):
        load_mappings(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be `tables:`"),
        ("[]", "must be `tables:`"),
        ("tables: {}", "must be `tables:`"),
        ("tables: []\nmore: 1", "must be `tables:`"),
        ("tables: [1]", "mapping number 1"),
        ("tables: [", "while parsing"),
        ("tables: []\ntables: []", "key 'tables' is there twice"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(MappingsInvalid) as error:
        load_mappings(tmp_path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_folder_without_mappings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MappingsInvalid, match="no \\*.yaml"):
        load_mappings(tmp_path)


def test_a_table_in_two_files_names_both(tmp_path: Path) -> None:
    first, second = write(tmp_path, "tables:" + MAPPINGS, "a.yaml"), write(tmp_path, "tables:" + MAPPINGS, "b.yaml")
    with pytest.raises(MappingsInvalid) as error:
        load_mappings(tmp_path)
    assert str(error.value) == f"{second}: table people: {first} has a mapping of it"
