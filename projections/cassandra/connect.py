"""A session: time-outs on everything, no retries but ours, and values as this package wants them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cassandra import ConsistencyLevel, DriverException, InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import DCAwareRoundRobinPolicy, FallthroughRetryPolicy, LoadBalancingPolicy, TokenAwarePolicy
from cassandra.query import named_tuple_factory

from projections.errors import StoreUnavailable

PROTOCOL = 5
"""Of Cassandra 4.0 and later; told, so that the driver does not try its way down to it."""


@dataclass(frozen=True)
class Contact:
    """Where Cassandra is. `datacenter` "": that of the first node that answers. `replication`: CQL map, for a keyspace still to be made."""

    hosts: Sequence[str]
    port: int
    keyspace: str = "carillon"
    datacenter: str = ""
    replication: str = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    username: str = ""
    password: str = ""
    request_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0

    def __repr__(self) -> str:
        return f"Contact({','.join(self.hosts)}:{self.port}/{self.keyspace})"


@contextmanager
def connected(contact: Contact) -> Iterator[Session]:
    """A session for the time of the block. Raises StoreUnavailable."""
    session = connect(contact)
    try:
        yield session
    finally:
        session.cluster.shutdown()


def connect(contact: Contact, keyspace: str | None = None) -> Session:
    """A session, without a keyspace when migrations may have to make it first. Raises StoreUnavailable when no node answers in time."""
    cluster = Cluster(
        list(contact.hosts),
        port=contact.port,
        connect_timeout=contact.connect_timeout_s,
        control_connection_timeout=contact.connect_timeout_s,
        execution_profiles={EXEC_PROFILE_DEFAULT: _profile(contact)},
        auth_provider=_auth(contact),
        protocol_version=PROTOCOL,
        compression=False,
    )
    try:
        return cluster.connect(keyspace, wait_for_all_pools=True)
    except (NoHostAvailable, DriverException, InvalidRequest) as error:
        cluster.shutdown()
        raise StoreUnavailable(f"Cassandra at {contact!r} does not answer: {error}") from error


def _profile(contact: Contact) -> ExecutionProfile:
    return ExecutionProfile(
        load_balancing_policy=_balancing(contact),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=contact.request_timeout_s,
        row_factory=named_tuple_factory,
    )


def _balancing(contact: Contact) -> LoadBalancingPolicy:
    return TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=contact.datacenter))


def _auth(contact: Contact) -> object:
    from cassandra.auth import PlainTextAuthProvider

    return PlainTextAuthProvider(contact.username, contact.password) if contact.username else None
