"""The in-memory connector keeps the contract."""

from __future__ import annotations

import pytest

from crm_health.testing.conformance import ConformanceSuite, Rig
from crm_health.testing.memory_rig import MemoryRig


class TestMemory(ConformanceSuite):
    """The CRM in memory that tests of the core run on."""

    @pytest.fixture
    def rig(self) -> Rig:
        """A CRM of its own for each test."""
        return MemoryRig()
