"""The contract of `crm_health.connector` as a test suite for authors of connectors (needs pytest).

    class TestMyCrm(ConformanceSuite):
        @pytest.fixture
        def rig(self) -> Iterator[Rig]:
            ...

The suite asks a `Rig` to fill a CRM and to break it, and reads the results from the CRM itself.
"""

from __future__ import annotations

from crm_health.testing.conformance.accounts import AccountsContract
from crm_health.testing.conformance.faults import FaultContract
from crm_health.testing.conformance.incremental import IncrementalContract
from crm_health.testing.conformance.reading import ReadingContract
from crm_health.testing.conformance.receipts import ReceiptContract
from crm_health.testing.conformance.rig import FOREVER, Rig, Subject, Unsupported, Wire
from crm_health.testing.conformance.writing import WritingContract

__all__ = ["FOREVER", "ConformanceSuite", "Rig", "Subject", "Unsupported", "Wire"]


class ConformanceSuite(
    ReadingContract,
    IncrementalContract,
    WritingContract,
    ReceiptContract,
    FaultContract,
    AccountsContract,
):
    """Every behaviour that the core relies on. Subclass it and give it a `rig` fixture."""
