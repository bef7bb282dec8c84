"""Bad input on HubSpot: what can't work ends with one clear message, the rest is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from world import Done, World, difference

from connectors.sandbox.hubspot.scopes import EVERY
from connectors.sandbox.hubspot.tokens import PRIVATE
from tests.unit.hubspot_help import Hub

pytestmark = [
    pytest.mark.only("sqlite"),  # nothing here is a matter of the database
    pytest.mark.parametrize("portals", ["unique"], indirect=True),
]

SURVEYS = "crm.objects.feedback_submissions.read"


def _refused(world: World, done: Done, code: int, *names: str) -> None:
    """It ended with this code, said what is wrong by name in a few lines, and wrote nothing."""
    assert done.code == code, done
    assert done.out == ""
    for name in names:
        assert name in done.err, done.err
    assert PRIVATE not in done.err
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if not line.startswith("Warning:")]
    assert len(lines) <= 4, done.err
    assert world.writes() == 0


def _limited(world: World, *lacking: str) -> None:
    world.sandbox.hubspot.tokens(scopes=sorted(EVERY - {*lacking}))


# -- the token ----------------------------------------------------------------------------------


def test_a_revoked_token_is_one_message_and_77(portal: World) -> None:
    """Asked once: no retry helps, and the token is not repeated to anybody."""
    state = portal.back("second")
    portal.sandbox.hubspot.tokens(revoke=PRIVATE)
    _refused(portal, portal.run(state), 77, "refused the token", "CRM_HEALTH_HUBSPOT_TOKEN")
    assert portal.sandbox.counters()["total"] == 1


@pytest.mark.parametrize(
    "scope", ["tickets", "crm.objects.contacts.read", "crm.objects.owners.read"]
)
def test_a_missing_scope_for_what_is_needed_is_named_and_77(portal: World, scope: str) -> None:
    """The name is what an admin ticks in HubSpot."""
    state = portal.back("second")
    _limited(portal, scope)
    _refused(portal, portal.run(state), 77, scope)


def test_a_missing_scope_for_writing_is_named_and_77(portal: World) -> None:
    """It can't be seen before the first write that needs it; with it the next run completes."""
    state = portal.back("fresh")
    portal.clean(state)
    expected = portal.truth()
    state = portal.back("fresh")
    scope = "crm.objects.companies.write"
    _limited(portal, scope)
    done = portal.run(state)
    assert done.code == 77, done
    assert scope in done.err
    assert "Traceback" not in done.err
    portal.sandbox.hubspot.tokens(scopes=None)
    portal.breathe()
    portal.clean(state)
    assert difference(portal.truth(), expected) == []


def test_a_missing_scope_for_what_is_optional_is_told_and_the_rest_goes_on(portal: World) -> None:
    """Surveys are Service Hub's: without them there is health all the same."""
    state = portal.back("fresh")
    _limited(portal, SURVEYS)
    done = portal.clean(state)
    assert SURVEYS in done.err
    assert portal.writes() > 0
    # When it is lost later a guard asks whether the health without them is meant.
    state = portal.back("second")
    assert portal.run(state).code == 4
    assert portal.writes() == 0


def test_a_scope_lost_in_mid_run_is_named_and_77(portal: World) -> None:
    """Between describing tickets and reading them; the next run goes on."""
    state = portal.back("fresh")
    rule = {"kind": "missing_scope", "path": "objects/.*/?tickets$", "fields": ["tickets"]}
    portal.sandbox.faults(rule)
    _refused(portal, portal.run(state), 77, "tickets", "scope")
    portal.clean(state)
    assert portal.writes() > 0


def test_a_wait_of_a_day_is_told_and_75(portal: World) -> None:
    """Nobody sleeps through it: the run ends, and says when it is worth while to come again."""
    state = portal.back("fresh")
    rule = {"kind": "too_many", "path": "/objects/", "headers": {"Retry-After": "86400"}}
    portal.sandbox.faults({**rule, "times": 0})
    _refused(portal, portal.run(state), 75, "24 hours")
    answer = orjson.loads(portal.run(state, "sync", "--json").out)
    assert (answer["exit"], answer["retryable"]) == (75, True)
    until = datetime.fromisoformat(answer["next_attempt_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < until <= timedelta(hours=24)


def test_a_day_without_calls_left_is_told_and_6(portal: World) -> None:
    """Its end is midnight where the account is."""
    state = portal.back("fresh")
    portal.sandbox.faults({"kind": "daily_limit", "path": "/tickets$", "times": 0})
    done = portal.run(state, "sync", "--json")
    assert done.code == 6
    assert orjson.loads(done.out)["next_attempt_at"] == "2026-11-17T00:00:00+00:00"
    _refused(portal, portal.run(state), 6, "today", "midnight")
    portal.sandbox.clear_faults()
    portal.clean(state)
    assert portal.writes() > 0


# -- what the account lacks -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "prop"),
    [("companies", "health_score"), ("tickets", "hs_ticket_priority"), ("tasks", "hs_task_status")],
)
def test_a_property_that_is_gone_is_named_and_78(portal: World, name: str, prop: str) -> None:
    """HubSpot passes over what it lacks in silence: that must not be taken for emptiness."""
    state = portal.back("second")
    portal.sandbox.hubspot.drop_property(name, prop)
    _refused(portal, portal.run(state), 78, f"{name}.{prop}", "crm-health setup")


def test_a_property_gone_in_mid_run_is_named_and_78(portal: World) -> None:
    """Archived between two pages of a list: nothing was written, nothing was emptied."""
    state = portal.back("fresh")
    rule = {"kind": "hide_field", "path": "objects/.*/?tickets$", "nth": 2}
    portal.sandbox.faults({**rule, "field": "tickets.hs_ticket_priority"})
    _refused(portal, portal.run(state), 78, "hs_ticket_priority")


def test_a_property_gone_before_it_is_written_is_named_and_78(portal: World) -> None:
    """The run ends at its first row; the rows before it stay."""
    state = portal.back("fresh")
    rule = {"kind": "hide_field", "path": "companies/batch/update", "field": "companies.health_why"}
    portal.sandbox.faults(rule)
    done = portal.run(state)
    assert done.code == 78, done
    assert "health_why" in done.err
    assert "crm-health setup" in done.err


def _narrowed(world: World, name: str, prop: str, gone: str) -> None:
    """An admin takes an option away; records that hold it keep it."""
    hub, path = Hub(world.sandbox), f"/crm/v3/properties/{name}/{prop}"
    kept = [one for one in hub.get(path)["options"] if one["value"] != gone]
    answer = hub.send("PATCH", path, {"options": kept})
    assert answer.ok, answer.text
    hub.close()
    world.sandbox.clear_calls()


def _refusals(world: World, state: Path) -> str:
    """What `runs show` tells of the last run."""
    run = orjson.loads(world.clean(state, "runs", "list", "--json").out)[0]["id"]
    return world.clean(state, "runs", "show", run).out


def test_an_option_taken_from_a_property_of_ours_is_told_before_anything_is_written(
    portal: World,
) -> None:
    """Half the customers would get no health; `setup` puts it back, and all is as ever."""
    state = portal.back("fresh")
    portal.clean(state)
    expected = portal.truth()
    state = portal.back("fresh")
    _narrowed(portal, "companies", "health_band", "Red")
    portal.sandbox.clear_calls()
    done = portal.run(state)
    assert done.code == 78, done
    assert "the word 'Red' in the list companies.health_band" in done.err
    assert portal.writes() == 0
    portal.clean(state, "setup")
    portal.clean(state)
    assert difference(portal.truth(), expected) == []


def test_a_pipeline_that_was_taken_away_refuses_escalations_only(portal: World) -> None:
    """Health is written; what to do is said."""
    state = portal.back("fresh")
    hub = Hub(portal.sandbox)
    answer = hub.send("DELETE", "/crm/v3/pipelines/tickets/health_escalations")
    assert answer.ok, answer.text
    hub.close()
    portal.sandbox.clear_calls()
    done = portal.run(state)
    assert done.code == 3, done
    assert portal.writes() > 30
    told = _refusals(portal, state)
    assert "hs_pipeline" in told


# -- what can be set aside ----------------------------------------------------------------------


def _dirt(companies: list[str]) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Records that a real account has too, and what they hang on."""
    ticket = {"subject": "?", "hs_pipeline": "0", "hs_pipeline_stage": "1"}
    deal = {"dealname": "?", "dealstage": "closedwon", "pipeline": "default", "amount": "1000"}
    call = {"hs_call_title": "?"}
    records = {
        "tickets": [
            {"id": "9001", **ticket, "hs_ticket_priority": "MASSIVE"},
            {"id": "9002", **ticket, "hs_pipeline": "777", "hs_pipeline_stage": "778"},
            {"id": "9003", **ticket},
        ],
        "deals": [
            {"id": "9101", **deal, "closedate": "not a day"},
            {"id": "9102", **deal, "closedate": "0001-01-01T00:00:00Z"},
            {"id": "9103", **deal, "closedate": "9999-12-31T00:00:00Z", "amount": "NaN"},
        ],
        "calls": [{"id": "9201", **call, "hs_timestamp": "1e99"}],
    }
    on = [("9001", companies[0]), ("9002", companies[1])]
    deals = [(f"910{n}", companies[n + 1]) for n in (1, 2, 3)]
    links = [("tickets", [339, 26], on), ("deals", [341, 5], deals)]
    links.append(("calls", [182], [("9201", companies[5])]))
    return records, [
        {"from": name, "to": "companies", "types": types, "pairs": pairs}
        for name, types, pairs in links
    ]


def test_dirty_records_are_set_aside_counted_and_shown(portal: World) -> None:
    """Whoever has clean records gets what an undisturbed sync gives; the rest is in `status`."""
    state = portal.back("fresh")
    portal.clean(state)
    expected = portal.truth()
    state = portal.back("fresh")
    rows = portal.sandbox.hubspot.records("companies")
    companies = sorted(row["id"] for row in rows if row["lifecyclestage"] == "customer")
    records, links = _dirt(companies)
    portal.sandbox.hubspot.load(records, links=links)
    done = portal.clean(state, "sync", "--json")
    touched = {line.split()[1] for line in difference(portal.truth(), expected)}
    assert not touched & {*companies[6:]}, "nobody else's health may change"
    shown = orjson.loads(portal.clean(state, "status", "--json").out)["quarantine"]
    found = {(row["object"], row["problem"]): row["rows"] for row in shown}
    assert found == {
        ("calls", "not a instant"): 1,
        ("deals", "not a instant"): 1,
        ("deals", "not a number"): 1,
        ("deals", "value not usable"): 2,
        ("tickets", "no account"): 1,
        ("tickets", "value not usable"): 1,
    }
    assert orjson.loads(done.out)["quarantined"] == sum(found.values())
    portal.breathe()
    portal.sandbox.clear_calls()
    portal.clean(state)
    assert portal.writes() == 0, "dirt makes no unrest"
