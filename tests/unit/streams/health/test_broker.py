"""What the broker says of a member, read from its bytes."""

import struct

from streams.health.broker import assigned


def test_an_assignment_is_read_and_an_empty_one_is_none() -> None:
    topic = struct.pack(">h3s", 3, b"a.b") + struct.pack(">iii", 2, 0, 7)
    other = struct.pack(">h1s", 1, b"c") + struct.pack(">ii", 1, 4)
    content = struct.pack(">hi", 1, 2) + topic + other + struct.pack(">i", -1)
    assert assigned(content) == {("a.b", 0), ("a.b", 7), ("c", 4)}
    assert assigned(b"") == frozenset()
