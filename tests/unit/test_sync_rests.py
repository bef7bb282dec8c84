"""What the CRM did not take, or a person took away: nothing that rests on it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config
from test_sync_alerts import _config as alerts_config
from test_sync_escalations import by_person, playbook, quiet, record, tasks, told

from crm_health.testing.memory_crm import Fault

REFUSED = ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "", "Not today")


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path, config(playbook=playbook()))


def close_case(org: Org) -> None:
    (case,) = org.crm.rows("Case")
    org.edit("Case", case["id"], IsClosed=True)


@pytest.mark.parametrize("how", ["refused", "locked"])
def test_a_line_that_did_not_get_through_is_not_kept_in_mind(tmp_path: Path, how: str) -> None:
    """The task is written again as soon as the CRM takes it, and then the episode knows it."""
    org = Org(tmp_path, alerts_config())
    account = org.account(80, Second=50.0)
    org.sync()
    (task,) = org.crm.rows("Task")
    org.edit("Account", account, Second=30.0)
    if how == "refused":
        org.crm.refusals["Task", task["id"]] = REFUSED
    else:
        org.crm.locks["Task", task["id"]] = 99
    for _ in range(2):
        assert org.perform()[1] == 3
        assert org.crm.rows("Episode")[0].get("Told") is None
    org.crm.heal()
    org.days(2)
    (task,) = org.crm.rows("Task")
    assert task["Subject"] == "Acme: hurry"
    assert "lower:1:2026-03-0" in org.crm.rows("Episode")[0]["Told"]
    quiet(org)


def test_what_an_escalation_asks_for_says_what_is_seen_today(org: Org) -> None:
    """A sync died before it made the tasks, and the next one sees the cause no more."""
    org.case(org.account(80))
    org.crm.fail_next(Fault.UNAVAILABLE, times=9, kind="write", after=1)
    assert org.perform()[1] == 3
    org.crm.heal()
    assert (record(org)["Evidence"], tasks(org)) == ("1 cases are late", [])
    org.edit("Escalation", record(org)["id"], Status="In Progress")
    close_case(org)
    org.days(1)
    said = {task["Description"].split(" is open since ")[0] for task in tasks(org)}
    assert said == {"What we saw: the escalation Support issue (S1)"}


def test_an_escalation_that_is_refused_asks_nobody_for_anything(org: Org) -> None:
    """No task of a department, none for leadership; all of it comes with the record."""
    account = org.account(80)
    org.case(account)
    org.crm.refusals["Escalation", f"ch1:{account}:late:1"] = REFUSED
    for _ in range(2):
        assert org.perform()[1] == 3
        assert (tasks(org), org.crm.rows("Episode")) == ([], [])
    org.crm.heal()
    org.days(2)
    assert record(org)["Status"] == "Open"
    assert (len(tasks(org)), len(told(org))) == (3, 1)
    quiet(org)


@pytest.mark.parametrize("refused", [True, False])
def test_an_alert_gives_way_to_an_escalation_that_is_there(tmp_path: Path, refused: bool) -> None:
    """Its task stays while the record is refused, and then does not say that all is well."""
    task = {"subject": "{account}: late soon", "body": "Look"}
    soon: dict[str, Any] = {"when": "second < 60", "severity": "low", "does": "task", "task": task}
    alerts = {"soon": {**soon, "over": "all is well"}, "late": {"replaces": ["soon"]}}
    alerts["dropped"] = {"when": "score < 2"}
    org = Org(tmp_path, config(playbook={**playbook(), "alerts": alerts}))
    account = org.account(80, Second=95.0)
    org.sync()
    org.edit("Account", account, Second=50.0)
    org.sync()
    org.case(account)
    if refused:
        org.crm.refusals["Escalation", f"ch1:{account}:late:1"] = REFUSED
    org.sync()
    (mine,) = tasks(org, ":soon:")
    if refused:
        assert mine["Status"] == "Not Started"
    else:
        assert mine["Description"] == "Cleared on 2 Mar 2026: it is escalated"
        quiet(org)


def test_an_escalation_that_a_person_deleted_stays_away(org: Org) -> None:
    """Until its cause is over; then what it asked for ends, and a new cause opens a new one."""
    account = org.account(80)
    org.case(account)
    org.sync()
    before = {task["id"] for task in tasks(org)}
    org.crm.delete("Escalation", record(org)["id"])
    for _ in range(2):
        org.pass_time(hours=9)
        org.sync()
        assert org.crm.rows("Escalation") == []
        assert {task["id"] for task in tasks(org)} == before
        quiet(org)
        org.reset_state()
    close_case(org)
    org.sync()
    assert {task["Status"] for task in tasks(org)} == {"Completed"}
    quiet(org)
    org.days(4)
    org.case(account)
    org.sync()
    assert record(org)["Key"] == f"ch1:{account}:late:2"


@pytest.mark.parametrize("reason", [None, "A story {of} it\nin two lines, " + 300 * "x"])
def test_leadership_hears_of_one_whatever_reason_a_person_gave(
    org: Org, reason: str | None
) -> None:
    """None at all, or a story: the rest of the sync does not suffer for it."""
    account = org.account(80)
    org.sync()
    by_person(org, account, Reason=reason, Severity="S1")
    assert org.perform()[1] == 0
    org.pass_time(days=4)
    org.sync()
    subjects = [task["Subject"] for task in tasks(org)]
    start = "A story {of} it in two lines, x" if reason else "Unnamed issue is escalated"
    assert len(subjects) == 2
    assert all(len(subject) < 120 for subject in subjects)
    assert any(subject.startswith(f"Acme: {start}") for subject in subjects)
    quiet(org)


def test_what_an_escalation_held_back_opens_with_its_end(tmp_path: Path) -> None:
    """In the same sync: the next one, with nothing new, has nothing to write."""
    task = {"subject": "{account}: late soon", "body": "Look"}
    soon: dict[str, Any] = {"when": "second < 60", "severity": "high", "does": "task", "task": task}
    alerts = {"soon": soon, "late": {"replaces": ["soon"]}, "dropped": {"when": "score < 2"}}
    # A name is no template, whatever it looks like.
    named = playbook(reason="Support {issue}")
    org = Org(tmp_path, config(playbook={**named, "alerts": alerts}))
    account = org.account(80, Second=95.0)
    org.case(account)
    org.sync()
    org.edit("Account", account, Second=50.0)
    org.sync()
    assert tasks(org, ":soon:") == []
    close_case(org)
    org.sync()
    assert len(tasks(org, ":soon:")) == 1
    quiet(org)


def test_what_is_refused_takes_nobody_s_place(tmp_path: Path) -> None:
    """A day has room for one task: on the next day the other one is made, and then the first."""
    base = alerts_config()
    playbook = base.playbook.model_copy(update={"tasks_a_day": 1})
    org = Org(tmp_path, type(base)(**{**vars(base), "playbook": playbook}))
    _, second = (org.account(given, Second=50.0) for given in (70.0, 80.0))
    # A new row goes by its number in the plan.
    org.crm.refusals["Task", "1"] = REFUSED
    assert org.sync().waiting == 1
    assert tasks(org) == []
    org.crm.heal()
    org.pass_time(hours=16)
    report = org.sync()
    assert (report.refused, report.waiting) == (1, 0)
    assert [task["WhatId"] for task in tasks(org)] == [second]
    org.days(1)
    assert len(tasks(org)) == 2


@pytest.mark.parametrize("peoples", [True, False])
def test_leadership_counts_as_told_only_where_it_was(org: Org, peoples: bool) -> None:
    """Its task is refused for a week: the record has no date of it, and then both come, once."""
    account = org.account(80)
    org.sync()
    if peoples:
        by_person(org, account, Severity="S2")
    else:
        org.case(account)
    org.sync()
    before = (record(org).get("Told"), len(told(org)))
    # Every new row that is sent as one of the next ones is refused.
    for number in range(1, 9):
        org.crm.refusals["Task", str(number)] = REFUSED
    org.days(9)
    assert (record(org).get("Told"), len(told(org))) == before
    assert record(org).get("Breached") is None
    org.crm.heal()
    org.days(2)
    assert record(org)["Breached"] is True
    assert len(told(org)) == before[1] + 1
    quiet(org)
