"""Settings: from the environment, overruled by the command line, wrong ones named together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crm_health import settings
from crm_health.errors import ConfigError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("CRM_HEALTH_")]:
        monkeypatch.delenv(name)


def test_without_settings_there_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Salesforce, packaged config, and a state file in the user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    found = settings.load()
    assert (found.crm, found.config, found.max_calls) == ("salesforce", None, None)
    assert found.state_path == Path("/var/state/crm-health/salesforce.db")


def test_a_relative_xdg_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG rules call a relative path a mistake: the home folder is used."""
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert settings.load().state_path.is_relative_to(Path.home())


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given overrules the environment; None gives nothing."""
    monkeypatch.setenv("CRM_HEALTH_STATE", "/a.db")
    monkeypatch.setenv("CRM_HEALTH_CRM", "hubspot")
    found = settings.load(state=Path("/b.db"), crm=None)
    assert (found.state_path, found.crm) == (Path("/b.db"), "hubspot")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CRM_HEALTH_MAX_CALLS=` in an env file means the default."""
    monkeypatch.setenv("CRM_HEALTH_MAX_CALLS", "")
    assert settings.load().max_calls is None


def test_all_mistakes_come_at_once_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong variable is named; what stood in it is not repeated."""
    monkeypatch.setenv("CRM_HEALTH_MAX_CALLS", "hunter2")
    monkeypatch.setenv("CRM_HEALTH_CRM", "../x")
    with pytest.raises(ConfigError) as caught:
        settings.load()
    text = caught.value.message
    assert "CRM_HEALTH_MAX_CALLS" in text
    assert "CRM_HEALTH_CRM" in text
    assert "hunter2" not in text
    assert "../x" not in text
