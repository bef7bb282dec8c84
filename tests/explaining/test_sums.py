"""`explain --json` of each customer of the company, in each CRM: its parts are its score."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.crms import CRMS
from crm_health.cli import boundary, cli
from tests.explaining.company import ACCOUNTS, CUSTOMERS, synced

_OTHERS = ("cap_h", "override_h", "clamp_h", "rounding_h")


@pytest.mark.parametrize("crm", CRMS)
@pytest.mark.parametrize(
    ("accounts", "customers"),
    [(60, 45), pytest.param(ACCOUNTS, CUSTOMERS, marks=pytest.mark.slow)],
)
def test_the_parts_sum_to_the_score_that_the_crm_shows(
    crm: str,
    accounts: int,
    customers: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Shares, cap, override, clamp and rounding, in hundredths; none for an unknown score."""
    with synced(tmp_path, crm, accounts, customers) as shell:
        for name in [n for n in os.environ if n.startswith(("CRM_HEALTH_", "DATABASE_URL"))]:
            monkeypatch.delenv(name)
        for name, value in shell.variables.items():
            monkeypatch.setenv(name, value)

        def told(*words: str) -> Any:
            assert boundary.run(cli, [*words, "--json"]) == 0
            return json.loads(capsys.readouterr().out)

        bands: Counter[str] = Counter()
        for row in told("accounts"):
            found = told("explain", row["account_id"])
            total = sum(driver["share"] for driver in found["drivers"])
            total += sum(found[name] for name in _OTHERS)
            shown = found["shown_now"]
            assert shown["score"] == found["score"], row
            if found["score"] is None:
                assert (shown["band"], found["band_now"]) == ("Unknown", "unknown")
                assert total == 100 * (found["computed"] or 0), row
            else:
                assert total == 100 * found["score"], row
            bands[shown["band"]] += 1
    assert bands.total() == customers
    assert bands.keys() == {"Green", "Yellow", "Red", "Unknown"}
