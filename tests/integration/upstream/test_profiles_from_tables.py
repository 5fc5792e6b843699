"""From a row in Postgres to notify.profiles: snapshot, changes and deletions, through Debezium and the workers `cdc` and `profiles`."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import psycopg
import pytest

from ops.demo.upstream.connector import TABLES_NAME, tables_connector
from ops.demo.upstream.shop import SQL
from ops.endpoints import Endpoints
from ops.local.connectors import delete_connector, put_connector
from schemas.partition import partition_of
from schemas.records import DeadLetter, Device, Profile, QuietHours
from schemas.topics import DEFAULT_PARTITIONS, DLQ, PROFILE_EVENTS, PROFILES, table_topic
from tests.faults.stack import own_stack
from tests.faults.workers import Workers
from tests.integration.streams.log import TIMEOUT_S, Log

pytestmark = pytest.mark.timeout(300)

ROLES = ("cdc", "profiles")
CUSTOMER = "INSERT INTO customers VALUES (%s, %s, '+4915112345678', true, 'de', 'Europe/Berlin', '{vip,flash-sale}')"


@dataclass
class Shop:
    """A shop's database, what carries its tables, and what came of them."""

    endpoints: Endpoints
    db: psycopg.Connection
    workers: Workers
    log: Log

    def connect(self) -> None:
        config = tables_connector(self.endpoints.postgres, self.endpoints.registry_native)
        put_connector(TABLES_NAME, config, connect=self.endpoints.connect, timeout_s=TIMEOUT_S)

    def lose_slot(self) -> None:
        """The connector is away, and Postgres forgets where it stood."""
        delete_connector(TABLES_NAME, connect=self.endpoints.connect, timeout_s=TIMEOUT_S)
        slot = TABLES_NAME.replace("-", "_")
        free = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active"
        self.log.until(lambda: self.db.execute(free, (slot,)).fetchone(), "the slot is in use")

    def profile(self, user: str) -> Profile | None:
        """As the log has it so far."""
        last = None
        for entry in self.log.entries(PROFILES):
            if entry.key == user.encode():
                assert entry.partition == partition_of(user, DEFAULT_PARTITIONS)
                last = entry.record
        assert last is None or isinstance(last, Profile)
        return last

    def until(self, user: str, **wanted: object) -> Profile:
        """The profile, as soon as it says that."""

        def said() -> Profile | None:
            found = self.profile(user)
            if found:  # rows of one user have no order among themselves
                found = msgspec.structs.replace(found, devices=sorted(found.devices, key=lambda device: device.token))
            return found if found and all(getattr(found, name) == value for name, value in wanted.items()) else None

        profile = self.log.until(said, f"{user} is not {wanted}")
        assert isinstance(profile, Profile)
        return profile

    def until_gone(self, user: str) -> None:
        def gone() -> bool:
            mine = [entry for entry in self.log.entries(PROFILES) if entry.key == user.encode()]
            return bool(mine) and mine[-1].value is None and mine[-1].record is None

        self.log.until(gone, f"{user} is still there")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("tables")
    with own_stack(folder / "stack", ("kafka", "registry", "postgres", "connect")) as (endpoints, _):
        workers, log = Workers(endpoints, folder / "workers", {}), Log(endpoints, (PROFILES, PROFILE_EVENTS, DLQ))
        with psycopg.connect(endpoints.postgres, autocommit=True) as db:
            db.execute(SQL.read_bytes())
            workers.start(ROLES)
            try:
                yield Shop(endpoints, db, workers, log)
                workers.supervise()
                assert workers.deaths == []
            finally:
                workers.stop()
                log.close()


def name() -> str:
    return f"ann-{uuid.uuid4().hex[:8]}"


def test_what_is_there_and_what_changes(shop: Shop) -> None:
    user = name()
    shop.db.execute(CUSTOMER, (user, "ann@example.com"))
    shop.db.execute("INSERT INTO preferences VALUES (%s, '{push,email}', '{promotional}', 5, 8, '22:00', '07:30', '{slack:U1}')", (user,))
    shop.db.execute("INSERT INTO devices VALUES (%s, 'phone', 'ios'), (%s, 'browser', 'web')", (user, user))
    shop.connect()  # all of it by snapshot
    found = shop.until(user, email="ann@example.com", frequency_cap=5, devices=[Device("web", "browser"), Device("ios", "phone")])
    assert (found.phone, found.phone_verified, found.language, found.time_zone) == ("+4915112345678", True, "de", "Europe/Berlin")
    assert (found.tags, found.channels, found.muted_categories) == (["vip", "flash-sale"], ["push", "email"], ["promotional"])
    assert (found.quiet_hours, found.daily_digest, found.chat) == (QuietHours(22 * 60, 7 * 60 + 30), 8, {"slack": "U1"})

    with shop.db.transaction():  # and from now on every change
        shop.db.execute("UPDATE customers SET email = 'new@example.com', tags = '{vip}' WHERE id = %s", (user,))
        shop.db.execute("UPDATE preferences SET channels = '{}', quiet_to = NULL WHERE user_id = %s", (user,))
        shop.db.execute("DELETE FROM devices WHERE token = 'phone' AND user_id = %s", (user,))
    found = shop.until(user, email="new@example.com", channels=[], devices=[Device("web", "browser")])
    assert (found.tags, found.quiet_hours, found.frequency_cap) == (["vip"], None, 5)

    shop.db.execute("DELETE FROM preferences WHERE user_id = %s", (user,))
    found = shop.until(user, channels=["push", "email", "in_app"])
    assert (found.muted_categories, found.daily_digest, found.chat, found.email) == ([], None, {}, "new@example.com")

    shop.db.execute("DELETE FROM customers WHERE id = %s", (user,))  # their devices with them
    shop.until_gone(user)
    shop.db.execute(CUSTOMER, (user, "back@example.com"))
    found = shop.until(user, email="back@example.com")
    assert found.devices == []


def test_rows_while_the_worker_is_killed(shop: Shop) -> None:
    shop.connect()
    users = [name() for _ in range(200)]
    for number, user in enumerate(users):
        shop.db.execute(CUSTOMER, (user, f"{number}@example.com"))
        shop.db.execute("UPDATE customers SET tags = %s WHERE id = %s", ([f"t{number}"], user))
        if number % 50 == 25:
            shop.workers.kill("cdc")
    for number, user in enumerate(users):
        assert shop.until(user, tags=[f"t{number}"]).email == f"{number}@example.com"


def test_the_slot_is_lost_and_all_rows_are_read_again(shop: Shop) -> None:
    """What is known is no news; what changed meanwhile is."""
    shop.connect()
    first, second = name(), name()
    for user in (first, second):
        shop.db.execute(CUSTOMER, (user, "a@example.com"))
        shop.until(user, email="a@example.com")
    shop.db.execute("INSERT INTO devices VALUES (%s, 'phone', 'ios')", (first,))
    shop.until(first, devices=[Device("ios", "phone")])
    shop.lose_slot()
    shop.db.execute("UPDATE customers SET email = 'b@example.com' WHERE id = %s", (second,))
    shop.connect()
    assert shop.until(second, email="b@example.com").tags == ["vip", "flash-sale"]
    assert shop.until(first, email="a@example.com").devices == [Device("ios", "phone")]


def test_what_is_wrong_is_kept_and_the_rest_counts(shop: Shop) -> None:
    shop.connect()
    user = name()
    partition, offset = shop.log.write(table_topic("customers"), b"garbage", key=b"row", partition=3, headers={"h": b"1"})
    shop.db.execute("INSERT INTO customers (id, email, time_zone) VALUES (%s, 'ann@example.com', 'Mars/Olympus')", (user,))
    assert shop.until(user, email="ann@example.com").time_zone == "UTC", "the default"

    def letters(reason: str) -> list[DeadLetter]:
        return shop.log.of(DLQ, lambda one: one.reason == reason)

    (kept,) = shop.log.until(lambda: letters("bad_magic"), "no dead letter")
    assert (kept.topic, kept.partition, kept.offset, kept.value) == (table_topic("customers"), partition, offset, b"garbage")
    assert shop.log.until(lambda: letters("value_invalid"), "no dead letter")[0].topic == PROFILE_EVENTS
