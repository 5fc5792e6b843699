"""Plays generated histories against an oracle, as many as are asked for."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

History = TypeVar("History")
HISTORIES = int(os.environ.get("CARILLON_HISTORIES", "300"))
"""How many a test plays; `python -m tests.histories` plays very many."""

BITS = 24


def _spread(number: int) -> int:
    return number * 0x9E3779B1 % 2**32 >> 32 - BITS


numbers = st.integers(0, 2**BITS - 1).map(_spread)
"""To be taken apart: to draw one takes less than to draw each of what it stands for. Spread, because Hypothesis prefers small ones."""


def play_all(histories: st.SearchStrategy[History], play: Callable[[History], None], number: int, *, derandomize: bool) -> int:
    """Play that many; returns how many were played. Raises AssertionError with the smallest history that differs."""
    played = 0

    @settings(max_examples=number, deadline=None, database=None, derandomize=derandomize, suppress_health_check=list(HealthCheck))
    @given(histories)
    def each(history: History) -> None:
        nonlocal played
        played += 1
        play(history)

    test: Callable[[], None] = each
    test()
    return played
