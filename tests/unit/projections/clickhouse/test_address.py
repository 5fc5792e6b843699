import os
from pathlib import Path

import msgspec

from projections.clickhouse.address import Address, publish, read, withdraw

MINE = Address("http://127.0.0.1:1", "/data/engine", os.getpid(), "s3cret")


def test_only_the_owner_can_read_what_is_published(tmp_path: Path) -> None:
    place = publish(str(tmp_path), MINE)
    assert place.stat().st_mode & 0o777 == 0o600
    assert read(str(tmp_path)) == MINE
    publish(str(tmp_path), MINE)


def test_only_its_own_address_is_withdrawn(tmp_path: Path) -> None:
    other = msgspec.structs.replace(MINE, pid=1)
    publish(str(tmp_path), other)
    withdraw(str(tmp_path), MINE)
    assert read(str(tmp_path)) == other
    withdraw(str(tmp_path), other)
    assert read(str(tmp_path)) is None


def test_nothing_readable_is_nothing(tmp_path: Path) -> None:
    assert read(str(tmp_path)) is None
    publish(str(tmp_path), MINE).write_text("{")
    assert read(str(tmp_path)) is None


def test_the_token_is_not_shown() -> None:
    assert "s3cret" not in repr(MINE)
