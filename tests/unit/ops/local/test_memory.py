"""The memory of a part that has children, of which some end while they are asked."""

from typing import NamedTuple, cast

import psutil
import pytest

from ops.local.stack import memory_of


class Memory(NamedTuple):
    rss: int


class Process:
    """One that has so many bytes, or (None) has just ended."""

    def __init__(self, rss: int | None, *children: "Process") -> None:
        self._rss, self._children = rss, children

    def memory_info(self) -> Memory:
        if self._rss is None:
            raise psutil.NoSuchProcess(1)
        return Memory(self._rss)

    def children(self) -> tuple["Process", ...]:
        return self._children


def bytes_of(process: Process) -> int:
    return memory_of(cast(psutil.Process, process))


def test_a_child_that_has_just_ended_has_no_memory() -> None:
    assert bytes_of(Process(100, Process(20), Process(None), Process(3))) == 123


def test_a_process_that_has_ended_is_said_to_be_gone() -> None:
    with pytest.raises(psutil.NoSuchProcess):
        bytes_of(Process(None))
