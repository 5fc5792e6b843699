"""The policy, as data: what binds in each category."""

import hashlib
from pathlib import Path

import msgspec
import yaml

from schemas.errors import RecordRefused
from schemas.records import Notification, Priority

SHIPPED = Path(__file__).parent / "default.yaml"


class PolicyInvalid(Exception):  # noqa: N818 - reads as what it says
    """A policy file can't be used; says which file and what is wrong."""


class UnknownCategory(RecordRefused):
    """A notification of a category the policy does not know."""

    reason = "unknown_category"


class CategoryPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What binds in one category."""

    mutes: bool
    resend_unknown: bool


class Policy(msgspec.Struct, frozen=True):
    """All categories, and a version that names exactly this content."""

    version: str
    categories: dict[str, CategoryPolicy]

    def of(self, notification: Notification) -> CategoryPolicy:
        """What binds for a notification. Raises UnknownCategory."""
        try:
            return self.categories[notification.category]
        except KeyError:
            known = ", ".join(sorted(self.categories))
            raise UnknownCategory(f"category {notification.category!r} is not in the policy ({known})") from None

    def resends_unknown(self, notification: Notification) -> bool:
        """Whether an attempt of unknown outcome is made again: a second code is better than none, a second advertisement is not."""
        return notification.priority == Priority.CRITICAL or self.of(notification).resend_unknown


class _File(msgspec.Struct, forbid_unknown_fields=True):
    categories: dict[str, CategoryPolicy]


def load_policy(path: Path = SHIPPED) -> Policy:
    """The policy in a YAML file; its version is 12 hex digits of its content. Raises PolicyInvalid."""
    try:
        content = msgspec.convert(yaml.safe_load(path.read_bytes()), _File)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise PolicyInvalid(f"{path}: {error}") from error
    canonical = msgspec.json.encode(content, order="deterministic")
    return Policy(hashlib.sha256(canonical).hexdigest()[:12], content.categories)
