"""The registry of unit tests keeps the contract."""

import pytest

from schemas.registry import MemoryRegistry, Registry
from tests.contract.registry.suite import RegistrySuite


class TestMemoryRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self) -> Registry:
        return MemoryRegistry()
