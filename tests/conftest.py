"""What holds for all tests: hypothesis has no limit that depends on the machine, and whoever ends a run ends what it started."""

import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("carillon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("carillon")


def pytest_configure() -> None:
    """SIGTERM ends the run as Ctrl-C does: by default nothing is torn down, and stacks and workers stay."""
    signal.signal(signal.SIGTERM, lambda number, frame: pytest.exit("terminated", 128 + number))
