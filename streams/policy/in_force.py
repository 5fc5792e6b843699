"""The policy that binds at this moment: the last on `notify.policy` that can be used, else that of the file; followed on a thread. A
tombstone there takes back what was published: the file's is in force again.

A policy that can't be used is said in the log and passed over, so that a mistake in it stops nobody: `carillon policy publish` checks it
before. Workers change over within half a second of each other; each decision cites the version it was made by.
"""

import logging
import threading
from collections.abc import Sequence

from confluent_kafka import Message

from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import PolicyPublished
from schemas.topics import POLICY
from streams.policy.loader import PolicyInvalid, read_policy
from streams.policy.policy import Policy
from streams.profiles.tail import Tail
from streams.step.partition import Die

logger = logging.getLogger(__name__)

TIMEOUT_S = 60.0
PARTITION = 0


class PolicyInForce:
    """Called, it gives the policy."""

    def __init__(self, bootstrap: str, group: str, codec: Codec, of_file: Policy, die: Die) -> None:
        """`of_file` is in force as long as none is published."""
        self._policy = self._of_file = of_file
        self._codec = codec
        self._known = threading.Event()
        self._tail = Tail(bootstrap, group, POLICY, self._apply, self._current, lambda partition, end: 0, die)

    def __call__(self) -> Policy:
        """The policy, now."""
        return self._policy

    def follow(self) -> None:
        """From now on; returns when all is known that was published before. Raises TimeoutError after 60 s."""
        self._tail.follow({PARTITION})
        if not self._known.wait(TIMEOUT_S):
            raise TimeoutError(f"{POLICY} could not be read to its end within {TIMEOUT_S:.0f} s")

    def stop(self) -> None:
        """Stop following."""
        self._tail.stop()

    def _apply(self, partition: int, messages: Sequence[Message], position: int) -> None:
        for message in messages:
            self._take(message)

    def _take(self, message: Message) -> None:
        where = f"{POLICY}/{message.partition()}/{message.offset()}"
        try:
            policy = self._read(message.value(), where)
        except (RecordRefused, PolicyInvalid) as error:
            logger.error("the policy can't be used, %s stays in force: %s", self._policy.version, error)  # noqa: TRY400
            return
        if policy.version != self._policy.version:
            logger.info("policy %s is in force from %s on, instead of %s", policy.version, where, self._policy.version)
            self._policy = policy

    def _read(self, value: bytes | None, where: str) -> Policy:
        if value is None:
            return self._of_file
        return read_policy(self._codec.decode(value, PolicyPublished).text.encode(), where)

    def _current(self, partition: int, when: float) -> None:
        self._known.set()
