"""Whole syncs on the in-memory CRM."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def test_a_second_sync_writes_nothing(org: Org) -> None:
    """Fields appear on every customer, and the second sync has nothing left to write."""
    ids = org.book()
    report, code = org.perform()
    assert code == 0
    assert report.outcomes == {"done": 30}
    for account in ids:
        shown = org.shown(account)
        assert shown["HScore"] == shown["Given"]
        assert shown["HBand"] == "Green"
        assert shown["HMemory"].startswith("ch1|b=green|s=2026-03-02|")
    before, calls = org.crm.writes, len(org.crm.calls)
    report, code = org.perform()
    assert (code, report.outcomes, org.crm.writes) == (0, {}, before)
    assert "write" not in org.crm.calls[calls:]
