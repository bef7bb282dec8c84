"""Whole syncs on the in-memory CRM."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sync_kit import Org, config


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


def test_a_small_change_writes_one_account(org: Org) -> None:
    """Only who changed is assessed and written; one point is not worth a write."""
    ids = org.book()
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", ids[3], Given=org.shown(ids[3])["Given"] + 1)
    org.edit("Account", ids[4], Given=org.shown(ids[4])["Given"] + 2)
    report = org.sync()
    assert report.assessed == 2
    assert org.plan(report).select("kind", "account_id").rows() == [("fields", ids[4])]
    assert org.sync().outcomes == {}


def test_a_quiet_day_writes_next_to_nothing(org: Org) -> None:
    """Days without a change bring at most the refresh of weekly scores."""
    org.book()
    org.sync()
    for report in org.days(4):
        assert report.assessed == 30
        assert org.plan(report).height <= 2
        assert org.sync().outcomes == {}


def test_a_fall_opens_one_task_that_closes_by_itself(org: Org) -> None:
    """A steady drop gives the owner a task; when the band is green again ours closes."""
    account, _ = org.account(80), org.account(85)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    report = org.sync()
    assert sorted(org.plan(report)["kind"]) == ["fields", "task"]
    (task,) = org.crm.rows("Task")
    key = f"ch1:{account}:dropped:1"
    assert task["HKey"].startswith(f"{key}#")
    assert (task["OwnerId"], task["WhatId"], task["Status"]) == (org.owner, account, "Not Started")
    assert task["Subject"] == "Acme: health is now red"
    assert task["Priority"] == "Normal"
    (episode,) = org.crm.rows("Episode")
    assert episode["Key"] == key
    for _ in range(2):
        assert org.sync().outcomes == {}
    org.edit("Account", account, Given=90.0)
    org.weeks(2)
    assert org.shown(account)["HBand"] == "Green"
    (task,) = org.crm.rows("Task")
    assert task["Status"] == "Completed"
    assert org.crm.rows("Episode")[0]["Cleared"] is not None
    assert org.sync().outcomes == {}


def test_a_touched_task_is_left_alone(org: Org) -> None:
    """A person's change of subject, owner, date or status makes the task theirs."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    (task,) = org.crm.rows("Task")
    org.edit("Task", task["id"], Subject="I am on it")
    org.edit("Account", account, Given=90.0)
    org.weeks(2)
    (task,) = org.crm.rows("Task")
    assert (task["Subject"], task["Status"]) == ("I am on it", "Not Started")
    assert org.crm.rows("Episode")[0]["Cleared"] is not None


def test_a_deleted_task_is_not_made_again(org: Org) -> None:
    """A person took it away: the episode says that it was there."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    org.crm.delete("Task", org.crm.rows("Task")[0]["id"])
    org.days(3)
    org.reset_state()
    org.sync()
    assert org.crm.rows("Task") == []


def test_what_held_at_the_first_sync_gets_no_task(org: Org) -> None:
    """But an escalation that can't wait opens at once."""
    low, late = org.account(30), org.account(80)
    org.case(late)
    org.sync()
    assert org.crm.rows("Task") == []
    (escalation,) = org.crm.rows("Escalation")
    assert escalation["Account"] == late
    assert escalation["Key"] == f"ch1:{late}:late:1"
    assert org.shown(late)["HOpen"] == 1
    assert org.shown(low)["HOpen"] == 0
    assert org.sync().outcomes == {}


def test_an_escalation_opens_by_the_clock_and_resolves(org: Org) -> None:
    """No record changes: the SLA passes, at the very minute too."""
    account = org.account(80)
    org.account(85)
    case = org.case(account, Due=org.crm.clock.now() + timedelta(hours=2))
    org.sync()
    assert org.crm.rows("Escalation") == []
    org.pass_time(hours=2)
    report = org.sync()
    assert (report.assessed, org.crm.rows("Escalation")) == (1, [])
    org.pass_time(minutes=1)
    assert org.sync().assessed == 1
    (escalation,) = org.crm.rows("Escalation")
    assert escalation["Status"] == "Open"
    assert escalation["Source"] == "rule"
    # Monday 11:01 and sixteen business hours.
    assert escalation["Due"] == datetime(2026, 3, 4, 11, 1, tzinfo=UTC)
    assert org.sync().outcomes == {}
    org.pass_time(hours=1)
    org.edit("Case", case, IsClosed=True)
    report = org.sync()
    assert sorted(org.plan(report)["kind"]) == ["close_escalation", "fields"]
    (escalation,) = org.crm.rows("Escalation")
    assert (escalation["Status"], org.shown(account)["HOpen"]) == ("Resolved", 0)
    assert escalation["Resolved"] == org.crm.clock.now()
    assert org.sync().outcomes == {}


def test_a_crm_without_managers_tells_nobody_who_left(tmp_path: Path) -> None:
    """Users that name no manager are known all the same: work goes to those who are active."""
    users = [{"object": "User", "columns": {"is_active": "IsActive"}}]
    people = {"account_owner": "always"}
    org = Org(tmp_path, config(mapping={"read": {"user": users}}, playbook={"people": people}))
    gone = org.crm.put("User", {"IsActive": False})
    org.case(org.account(80, Csm=gone))
    assert org.sync().ownerless == 0
    assert org.crm.rows("Escalation")[0]["OwnerId"] == org.owner


def test_what_a_person_closed_stays_closed_until_it_came_back(org: Org) -> None:
    """Not reopened while the cause goes on; a new one after it was over and had cooled down."""
    account = org.account(80)
    case = org.case(account)
    org.sync()
    (escalation,) = org.crm.rows("Escalation")
    org.edit("Escalation", escalation["id"], Status="Declined")
    org.days(4)
    assert len(org.crm.rows("Escalation")) == 1
    org.edit("Case", case, IsClosed=True)
    org.days(1)
    (escalation,) = org.crm.rows("Escalation")
    assert escalation["Status"] == "Declined"
    assert escalation["Cleared"] is not None
    org.edit("Case", case, IsClosed=False)
    org.days(2)
    assert len(org.crm.rows("Escalation")) == 1
    org.days(2)
    keys = sorted(row["Key"] for row in org.crm.rows("Escalation"))
    assert keys == [f"ch1:{account}:late:1", f"ch1:{account}:late:2"]


def test_a_touched_escalation_is_cleared_and_not_resolved(org: Org) -> None:
    """Its cause is noted as over; closing it is the person's."""
    account = org.account(80)
    case = org.case(account)
    org.sync()
    (escalation,) = org.crm.rows("Escalation")
    org.edit("Escalation", escalation["id"], Severity="S2")
    org.edit("Case", case, IsClosed=True)
    report = org.sync()
    assert org.plan(report)["kind"].to_list() == ["clear_escalation"]
    (escalation,) = org.crm.rows("Escalation")
    assert (escalation["Status"], org.shown(account)["HOpen"]) == ("Open", 1)
    assert org.sync().outcomes == {}


@pytest.mark.parametrize("kept", [True, False])
def test_losing_the_state_writes_nothing_twice(org: Org, *, kept: bool) -> None:
    """After the local database is gone, a sync finds everything said already."""
    org.book(12)
    account = org.account(80)
    org.case(org.account(80))
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    before = org.crm.writes
    if not kept:
        org.reset_state()
    assert org.sync().outcomes == {}
    assert org.crm.writes == before
    assert len(org.crm.rows("Task")) == len(org.crm.rows("Escalation")) == 1
