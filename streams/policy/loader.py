"""Reads a policy from a YAML file, or says where in it what is wrong."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import yaml

from schemas.topics import CHANNELS
from streams.policy.policy import Policy
from streams.policy.reading import Reading
from streams.strict_yaml import read_yaml

SHIPPED = Path(__file__).parent / "default.yaml"
VERSION_DIGITS = 12


class PolicyInvalid(Exception):  # noqa: N818 - reads as what it says
    """A policy can't be used; says, a line for each mistake, which file, where in it, and what is wrong."""


def load_policy(path: Path = SHIPPED) -> Policy:
    """The policy in a YAML file. Raises PolicyInvalid."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise PolicyInvalid(f"{path}: {error}") from error
    return read_policy(text, str(path))


def read_policy(text: bytes, origin: str, channels: Sequence[str] = CHANNELS) -> Policy:
    """The policy in YAML text that comes from `origin` and may name these channels. Raises PolicyInvalid.

    Its version is 12 hex digits of what it says: comments, layout and the order of keys do not count.
    """
    try:
        content = read_yaml(text)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"{origin}: {error}") from error
    reading = Reading(channels)
    policy = reading.policy(content)
    if policy is None or reading.mistakes:
        raise PolicyInvalid("\n".join(f"{origin}: {mistake}" for mistake in reading.mistakes))
    canonical = msgspec.json.encode(policy, order="deterministic")
    return msgspec.structs.replace(policy, version=hashlib.sha256(canonical).hexdigest()[:VERSION_DIGITS])
