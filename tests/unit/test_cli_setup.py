"""`crm-health setup` on an account that can't have all of it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from cli_kit import Shell, clean

from connectors.sandbox.handle import Sandbox
from crm_health.cli import context as contexts

HUBSPOT = EntryPoint("hubspot", "connectors.hubspot", contexts.GROUP)


def test_what_an_account_cannot_have_is_told_and_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Custom objects are told before, unique task keys once they were tried; then all is made."""
    with Sandbox.start() as box:
        box.hubspot.settings(unique_tasks=False)
        state = tmp_path / "x.db"
        clean(monkeypatch, state, {**box.hubspot_environment, "CRM_HEALTH_CRM": "hubspot"})
        monkeypatch.setattr(contexts, "entry_points", lambda group: [HUBSPOT])
        shell = Shell(capsys, monkeypatch, state)
        looked = shell("setup", "--dry-run")
        assert looked.code == 0
        assert "not here: custom object p_health_usage: " in looked.out
        assert "property of type unique string: tasks.health_episode_key" in looked.out
        done = shell("setup")
        assert done.code == 0
        assert "property of type string: tasks.health_episode_key" in done.out
        assert "property of type string: companies.health_claims" in done.out
        assert "not here: unique values tasks.health_episode_key: " in done.out
        assert "property of type unique string: tasks.health_episode_key" not in done.out
        again = shell("setup", "--json").json()
        assert (again["changed"], again["missing"]) == (False, [])
        names = {row["name"] for row in again["not_here"]}
        assert names == {"p_health_usage", "p_health_subscription", "tasks.health_episode_key"}
