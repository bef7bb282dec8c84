"""What the connector says of objects that a token may not see."""

from __future__ import annotations

import pytest

from connectors.hubspot import connect
from connectors.sandbox.handle import Sandbox
from crm_health.testing.ports import make_ports
from tests.unit.hubspot_setup import setup_of


def test_an_object_that_the_token_may_not_see_says_which_scope_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told as hidden, with the scope; what the account lacks is left out."""
    with Sandbox.start() as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.tokens(scopes=["crm.objects.companies.read", "crm.objects.contacts.read"])
        connector = connect(make_ports(), "2026-09")
        found = connector.describe(["companies", "tickets", "feedback_submissions", "butterflies"])
        connector.close()
    assert set(found) == {"companies", "tickets", "feedback_submissions"}
    assert found["companies"].hidden == ""
    assert "name" in found["companies"].fields
    hidden = found["tickets"]
    assert (dict(hidden.fields), hidden.createable, hidden.updateable) == ({}, False, False)
    assert "tickets" in hidden.hidden
    assert "crm.objects.feedback_submissions.read" in found["feedback_submissions"].hidden


@pytest.mark.parametrize("tier", ["professional", "enterprise"])
def test_custom_objects_are_looked_up_in_one_call_that_is_never_refused(
    monkeypatch: pytest.MonkeyPatch, tier: str
) -> None:
    """Refused calls count against an app: an account without them is asked for the list only."""
    with Sandbox.start() as box:
        box.hubspot.settings(tier=tier)
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        setup = setup_of()
        setup.apply()
        setup.close()
        box.clear_calls()
        connector = connect(make_ports(), "2026-09")
        found = connector.describe(["p_health_usage", "p20858235_health_subscription", "p_thing"])
        connector.close()
        assert [(call["status"], call["path"]) for call in box.calls()] == [
            (200, "/crm-object-schemas/2026-09/schemas")
        ]
    names = {"p_health_usage", "p20858235_health_subscription"} if tier == "enterprise" else set()
    assert set(found) == names
    if names:
        usage = found["p_health_usage"].fields
        assert {name: usage[name].type for name in ("metric", "value", "day")} == {
            "metric": "string",
            "value": "number",
            "day": "date",
        }
        assert "associations.companies" in usage
