import pytest

from projections.retry import Backoff, retried


class Flaky:
    def __init__(self, failures: int) -> None:
        self.failures, self.calls = failures, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError(self.calls)
        return "done"


def test_waits_grow_with_jitter_to_a_cap_and_end() -> None:
    backoff = Backoff(attempts=6, first_s=1, cap_s=5, floor_s=0.5)
    assert list(backoff.delays(lambda: 1.0)) == [1.5, 2.5, 4.5, 5.5, 5.5]
    assert list(backoff.delays(lambda: 0.0)) == [0.5] * 5


def test_success_ends_the_retries() -> None:
    slept: list[float] = []
    call = Flaky(2)
    assert retried(call, OSError, Backoff(attempts=5), slept.append) == "done"
    assert (call.calls, len(slept)) == (3, 2)


def test_the_last_error_is_raised() -> None:
    call = Flaky(9)
    with pytest.raises(OSError, match="3"):
        retried(call, OSError, Backoff(attempts=3), lambda _: None)
    assert call.calls == 3


def test_other_errors_are_not_retried() -> None:
    call = Flaky(9)
    with pytest.raises(OSError, match="1"):
        retried(call, ValueError, Backoff(), lambda _: None)
