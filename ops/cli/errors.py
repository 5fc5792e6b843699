"""What a command says when it can't: one clear line, with what to do, and an exit code that is not 0.

CliError
├── BadRequest      what was asked for can't be sent: nothing was produced
├── NotFound        no such notification, user or dead letter
└── GaveUp          it did not come to an end in time
"""

import msgspec
from confluent_kafka import KafkaException
from httpx import HTTPError

from gateway.errors import GatewayError
from ops.local.errors import StackError
from projections.cassandra.lines import BadCursor
from projections.errors import ProjectionError, StoreUnavailable
from providers.errors import ProviderError
from schemas.errors import RegistryUnavailable, SchemaError

START = "is it running? `carillon up` starts it"


class CliError(Exception):
    """Base of the errors of this package."""


class BadRequest(CliError):
    """What was asked for can't be sent."""


class NotFound(CliError):
    """There is no such thing."""


class GaveUp(CliError):
    """It did not come to an end in time."""


EXPECTED = (
    CliError,
    GatewayError,
    BadCursor,
    StackError,
    SchemaError,
    ProjectionError,
    ProviderError,
    KafkaException,
    HTTPError,
    msgspec.ValidationError,
    OSError,
)
"""What is a message for people; anything else is a bug, and shows where."""


def message(error: BaseException) -> str:
    """What to tell about an expected error."""
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str() if error.args else error}; {START}"
    if isinstance(error, StoreUnavailable | RegistryUnavailable | HTTPError):
        return f"{' '.join(str(error).split())[:600]}; {START}"
    return str(error)
