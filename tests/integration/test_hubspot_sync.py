"""Whole runs on a HubSpot account: setup, first sync, quiet sync, and what closes."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hubspot_portal import (
    COMPANIES,
    LATE,
    OWNER,
    PROSPECT,
    Account,
    escalations,
    fill,
    live,
    writes,
)

from crm_health.errors import QuotaExhausted
from tests.unit.hubspot_help import Hub


def test_a_first_sync_scores_customers_and_opens_what_is_due(account: Account) -> None:
    """Scores on customers only; one ticket in our pipeline and one task, both on the company."""
    _, code = account.sync()
    assert code == 0
    companies = live(account.box, "companies")
    assert all(companies[i]["health_memory"] for i in COMPANIES)
    assert "health_memory" not in companies[PROSPECT]
    (escalation,) = escalations(account.box)
    assert escalation["health_escalation_key"] == "ch1:1001:sev1_past_sla:1"
    assert escalation["hs_pipeline"] == "health_escalations"
    assert escalation["hs_pipeline_stage"] == "health_open"
    assert escalation["subject"] == "Customer 1001: Support issue"
    (task,) = live(account.box, "tasks").values()
    assert task["health_episode_key"] == "ch1:1001:call_them:1"
    assert task["hs_task_subject"] == "Customer 1001: call about the late ticket"
    assert task["hubspot_owner_id"] == OWNER
    for kind, row in (("tickets", escalation), ("tasks", task)):
        path = f"/crm/v4/objects/{kind}/{row['id']}/associations/companies"
        (found,) = Hub(account.box).get(path)["results"]
        assert str(found["toObjectId"]) == COMPANIES[0]


def test_a_second_sync_with_nothing_new_writes_nothing(account: Account) -> None:
    """Our own tickets, tasks and scores are no news: no write, one search an object."""
    account.sync()
    account.box.advance(120)
    account.sync()
    account.box.advance(120)
    before = len(account.box.calls())
    _, code = account.sync()
    assert code == 0
    assert writes(account.box, before) == []
    searches = [c["path"] for c in account.box.calls()[before:] if c["path"].endswith("/search")]
    assert len(searches) == len(set(searches))


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_a_day_that_is_due_is_the_same_day_in_every_zone(account: Account, zone: str) -> None:
    """HubSpot keeps due dates as instants: read back they are no edit of a person's."""
    account.box.hubspot.settings(zone=zone)
    account.sync()
    (task,) = live(account.box, "tasks").values()
    due = datetime.fromisoformat(task["hs_timestamp"]).astimezone(ZoneInfo(zone))
    assert (due.hour, due.weekday() < 5) == (12, True)
    account.box.advance(120)
    account.box.hubspot.edit("tickets", LATE, {"hs_pipeline_stage": "4"})
    account.box.advance(120)
    account.sync()
    assert live(account.box, "tasks")[task["id"]]["hs_task_status"] == "COMPLETED"


def test_a_lost_state_opens_nothing_twice(account: Account, tmp_path: Path) -> None:
    """With a new local database everything is known again from the CRM."""
    account.sync()
    before = {kind: live(account.box, kind) for kind in ("tickets", "tasks")}
    account.box.advance(120)
    _, code = account.sync(tmp_path / "other.sqlite")
    assert code == 0
    for kind, known in before.items():
        assert set(live(account.box, kind)) == set(known)


@pytest.mark.parametrize("lost", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_run_that_ends_between_any_two_calls_opens_nothing_twice(
    account: Account, tmp_path: Path, *, lost: bool
) -> None:
    """Each run may make one call more than the one before; the local state may be lost as well."""
    before = len(account.box.calls())
    account.sync(tmp_path / "looking.sqlite", dry_run=True)
    allowed = len(account.box.calls()) - before
    ends: list[int | None] = []
    for more in range(10):
        state = tmp_path / f"{more}.sqlite" if lost else account.place
        account.box.advance(60)
        try:
            ends.append(account.sync(state, max_calls=allowed + more)[1])
        except QuotaExhausted:
            ends.append(None)
        assert len(escalations(account.box)) <= 1
        assert len(live(account.box, "tasks")) <= 1
    assert (ends[0], ends[-1]) == (None, 0)
    assert (len(escalations(account.box)), len(live(account.box, "tasks"))) == (1, 1)


def test_what_nobody_touched_closes_when_its_cause_is_over(account: Account) -> None:
    """The late ticket is closed: our ticket goes to Resolved, our task is completed."""
    account.sync()
    account.box.advance(120)
    account.box.hubspot.edit("tickets", LATE, {"hs_pipeline_stage": "4"})
    account.box.advance(120)
    _, code = account.sync()
    assert code == 0
    (task,) = live(account.box, "tasks").values()
    assert task["hs_task_status"] == "COMPLETED"
    (ours,) = escalations(account.box)
    assert ours["hs_pipeline_stage"] == "health_resolved"


def test_what_a_person_changed_is_left_alone(account: Account) -> None:
    """A task with another subject is somebody's own: it stays open when its cause is over."""
    account.sync()
    account.box.advance(120)
    (task,) = live(account.box, "tasks")
    account.box.hubspot.edit("tasks", task, {"hs_task_subject": "I take this"})
    account.box.hubspot.edit("tickets", LATE, {"hs_pipeline_stage": "4"})
    account.box.advance(120)
    account.sync()
    assert live(account.box, "tasks")[task]["hs_task_status"] == "NOT_STARTED"


def test_the_scopes_of_the_guide_suffice(bare: Account) -> None:
    """Setup and sync each with those that `docs/hubspot.md` lists, without surveys and e-mails."""
    guide = (Path(__file__).parents[2] / "docs" / "hubspot.md").read_text(encoding="utf-8")
    rows = [line for line in guide.splitlines() if line.startswith(("| reading", "| writing"))]
    daily = re.findall(r"`([a-z._]+)`", " ".join(rows))
    admin = re.findall(r"`([a-z._]+)`", next(r for r in guide.splitlines() if "| setup, " in r))
    bare.box.hubspot.tokens(scopes=admin)
    assert all(step.done or step.not_here for step in bare.setup())
    fill(bare.box)
    bare.box.hubspot.tokens(scopes=daily)
    _, code = bare.sync()
    assert code == 0
    assert len(escalations(bare.box)) == 1
