"""Setup where tasks take no unique property: a plain key, and claims on the company."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from crm_health.connector import Step
from crm_health.errors import SetupError
from tests.unit.hubspot_help import Hub
from tests.unit.hubspot_setup import not_here, raw_mapping, setup_of, unfinished

KEY = {"name": "health_episode_key", "label": "X", "type": "string", "fieldType": "text"}


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty portal with the environment pointing at it."""
    with Sandbox.start() as made:
        for name, value in made.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        yield made


def _told(steps: Sequence[Step]) -> str:
    return not_here(steps).get("tasks.health_episode_key", "")


def _property(sandbox: Sandbox, kind: str, name: str) -> dict[str, Any]:
    hub = Hub(sandbox)
    answer = hub.send("GET", f"/crm/v3/properties/{kind}/{name}")
    hub.close()
    return dict(answer.json()) if answer.ok else {}


def test_where_the_key_can_be_unique_there_are_no_claims(sandbox: Sandbox) -> None:
    """The proof is its making; the company gets no property that nobody needs."""
    steps = setup_of().apply()
    assert _property(sandbox, "tasks", "health_episode_key")["hasUniqueValue"] is True
    assert _property(sandbox, "companies", "health_claims") == {}
    assert _told(steps) == ""


def test_where_it_can_not_claims_are_made_instead(sandbox: Sandbox) -> None:
    """The refusal shows by trying; the key is a plain text then, and setup says so each time."""
    sandbox.hubspot.settings(unique_tasks=False)
    setup = setup_of()
    assert _told(setup.missing()) == ""
    steps = setup.apply()
    assert unfinished(steps) == []
    assert "companies.health_claims" in _told(steps)
    assert _property(sandbox, "tasks", "health_episode_key")["hasUniqueValue"] is False
    claims = _property(sandbox, "companies", "health_claims")
    assert (claims["type"], claims["fieldType"]) == ("string", "textarea")
    calls = len(sandbox.calls())
    assert setup_of().apply() == steps
    assert {call["method"] for call in sandbox.calls()[calls:]} == {"GET"}


def test_a_key_that_is_there_without_uniqueness_is_claimed(sandbox: Sandbox) -> None:
    """HubSpot can't make it unique later: the look tells so, and what is to be made for it."""
    sandbox.hubspot.define("tasks", KEY)
    before = setup_of().missing()
    assert "companies.health_claims" in unfinished(before)
    assert "companies.health_claims" in _told(before)
    assert unfinished(setup_of().apply()) == []
    assert _property(sandbox, "companies", "health_claims")["type"] == "string"


def test_an_archived_key_comes_back_as_it_was(sandbox: Sandbox) -> None:
    """Asked for as unique, an old plain one is restored plain: what came counts, not the answer."""
    sandbox.hubspot.define("tasks", KEY)
    sandbox.hubspot.drop_property("tasks", "health_episode_key")
    steps = setup_of().apply()
    assert unfinished(steps) == []
    assert _property(sandbox, "tasks", "health_episode_key")["hasUniqueValue"] is False
    assert _property(sandbox, "companies", "health_claims") != {}
    assert "companies.health_claims" in _told(steps)


@pytest.mark.parametrize("there", [False, True])
def test_a_mapping_without_claims_needs_the_unique_key(sandbox: Sandbox, *, there: bool) -> None:
    """Nothing would keep off a second task: setup does not go on as if it were."""
    sandbox.hubspot.settings(unique_tasks=False)
    if there:
        sandbox.hubspot.define("tasks", KEY)
    raw = raw_mapping()
    del raw["write"]["episode"]["claims"]
    with pytest.raises(SetupError, match=r"tasks\.health_episode_key.*unique"):
        setup_of(raw).apply()
