"""What can be wrong with a record. `reason` is what the dead letter says.

SchemaError
├── RecordRefused            the record itself is bad: it goes to the DLQ
│   ├── BadMagic             the first byte is not 0
│   ├── Truncated            it ends before its schema does
│   ├── Malformed            its bytes do not fit its schema
│   ├── UnknownSchemaId      the registry knows no such id
│   └── WrongType            a valid record, of another type than the topic carries
├── RegistryUnavailable      the registry did not answer: nothing is known of the record; try again
├── SchemaRefused            the registry does not take a schema: not compatible with an earlier one, or no schema
└── NotRegistered            a record type of ours has no schema in the registry: `carillon topics apply`
"""


class SchemaError(Exception):
    """Base of the errors of this package."""


class RecordRefused(SchemaError):
    """The record itself is bad."""

    reason = "invalid"


class BadMagic(RecordRefused):
    reason = "bad_magic"


class Truncated(RecordRefused):
    reason = "truncated"


class Malformed(RecordRefused):
    reason = "malformed"


class UnknownSchemaId(RecordRefused):
    reason = "unknown_schema_id"


class WrongType(RecordRefused):
    reason = "wrong_type"


class RegistryUnavailable(SchemaError):
    """The registry did not answer in time."""


class SchemaRefused(SchemaError):
    """The registry does not take a schema; trying again will not help."""


class NotRegistered(SchemaError):
    """A record type of ours is not in the registry."""
