"""`crm-health alerts quality`."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_kit import desk
from sync_kit import Org


def test_alerts_that_nobody_follows_are_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten falls that nobody answered: counted, with an interval, and named as noise."""
    org = Org(tmp_path)
    ids = [org.account(80, Name=f"Acme {n}") for n in range(10)]
    org.sync()
    for account in ids:
        org.edit("Account", account, Given=65.0)
    # Three a day are what a person can do.
    org.days(4)
    assert len(org.crm.rows("Task")) == 10
    org.pass_time(days=15)
    org.sync()
    org.store.close()
    shell, _ = desk(org, capsys, monkeypatch)
    found = shell("alerts", "quality", "--format", "json").json()
    (rule,) = found["rules"]
    counted = {name: rule[name] for name in ("rule", "opened", "judged", "useful", "led", "noisy")}
    assert counted == {
        "rule": "dropped",
        "opened": 10,
        "judged": 10,
        "useful": 0,
        "led": 0,
        "noisy": True,
    }
    assert rule["low"] == pytest.approx(0.0)
    assert rule["high"] == pytest.approx(0.2775, abs=1e-3)
    assert (found["proposals"], found["first_contact"]) == ({}, [])
    told = shell("alerts", "quality").out
    assert "1 rule is noise" in told
    assert "dropped: no other threshold tells noise apart" in told
    assert "No alert opened" in shell("alerts", "quality", "--days", "14").out
