"""Escalations over whole syncs: their clock, leadership, required actions, and people's hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config


def playbook(**more: Any) -> dict[str, Any]:
    """The company's own, with required actions and a severity that leadership hears of."""
    reason = {
        "actions": {
            "owner_named": {"department": "Support", "text": "name the owner", "day": 0},
            "cause_written": {"department": "Support", "text": "write down the cause", "day": 5},
        },
        **more,
    }
    s1 = {"acknowledge": 4, "due": 16, "update_days": 1, "tell_at_opening": True}
    severities = {"S1": s1, "S2": 40, "S3": 80, "S4": 160}
    return {"escalations": {"support": reason}, "severities": severities}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path, config(playbook=playbook()))


@pytest.fixture
def escalated(org: Org) -> Org:
    """A customer with a case past its SLA, escalated. 2 March 2026 is a Monday, 9:00."""
    org.case(org.account(80))
    org.sync()
    return org


def quiet(org: Org) -> None:
    """Another sync has nothing to do."""
    assert org.sync().outcomes == {}


def record(org: Org) -> dict[str, Any]:
    (found,) = org.crm.rows("Escalation")
    return dict(found)


def change(org: Org, **values: Any) -> None:
    """A person works on the escalation."""
    org.pass_time(minutes=1)
    org.edit("Escalation", record(org)["id"], **values)


def tasks(org: Org, part: str = "") -> list[dict[str, Any]]:
    return [dict(row) for row in org.crm.rows("Task") if part in row["HKey"]]


def told(org: Org) -> list[str]:
    """The tasks by which leadership heard, by their names."""
    return sorted(task["HKey"].split(":")[-1].split("#")[0] for task in tasks(org, ":told_"))


def test_an_escalation_opens_with_its_clock_actions_and_leadership(escalated: Org) -> None:
    """One sync makes it all; the next writes nothing, with or without its database."""
    found = record(escalated)
    assert found["Log"] == "Support 2026-03-02 09:00"
    assert str(found["NextUpdate"]) == "2026-03-03"
    assert found["Told"] is not None
    assert sorted(task["Subject"] for task in tasks(escalated)) == [
        "Acme: Support issue is escalated",
        "Acme: name the owner",
        "Acme: write down the cause",
    ]
    assert {str(t["ActivityDate"]) for t in tasks(escalated, ":cause_written")} == {"2026-03-09"}
    assert {t["Description"].split("\n")[0] for t in tasks(escalated)} == {
        "What we saw: 1 cases are late."
    }
    quiet(escalated)
    escalated.reset_state()
    quiet(escalated)


def test_leadership_is_told_once_for_a_due_that_passes(escalated: Org) -> None:
    """At once, though nothing changed in the CRM; not again by restarts and a lost database."""
    assert told(escalated) == ["told_open"]
    escalated.pass_time(days=1, hours=7)
    escalated.sync()
    quiet(escalated)
    assert len(told(escalated)) == 1
    # Due on the 3rd at 17:00: an hour before midnight, so on the same day.
    escalated.pass_time(hours=2)
    escalated.sync()
    assert len(told(escalated)) == 2
    assert record(escalated)["Breached"] is True
    quiet(escalated)
    escalated.reset_state()
    quiet(escalated)
    escalated.days(3)
    assert len(told(escalated)) == 2


@pytest.mark.parametrize("lost", ["record", "task"])
def test_leadership_is_told_once_whatever_half_arrived(escalated: Org, lost: str) -> None:
    """The record says so without a task, or the task is there without the record: made good."""
    escalated.pass_time(days=1, hours=9)
    escalated.sync()
    before = told(escalated)
    assert len(before) == 2
    late = next(t for t in tasks(escalated) if before[0] in t["HKey"] and "open" not in before[0])
    if lost == "record":
        then = record(escalated)["Opened"].isoformat() + "T09:00:00+00:00"
        escalated.edit("Escalation", record(escalated)["id"], Told=then, Breached=None)
        escalated.reset_state()
        escalated.sync()
        assert record(escalated)["Breached"] is True
    else:
        key = late["HKey"].split("#")[0]
        (episode,) = [row for row in escalated.crm.rows("Episode") if row["Key"] == key]
        escalated.crm.delete("Task", late["id"])
        escalated.crm.delete("Episode", episode["id"])
        escalated.sync()
    assert told(escalated) == before
    quiet(escalated)
    escalated.reset_state()
    quiet(escalated)


def test_people_s_work_is_timed_and_never_undone(escalated: Org) -> None:
    """Status, department, owner and due are theirs; acknowledged, log and waiting are counted."""
    change(escalated, Status="In Progress", Department="Engineering")
    escalated.pass_time(hours=2)
    escalated.sync()
    found = record(escalated)
    assert (found["Status"], found["Department"]) == ("In Progress", "Engineering")
    assert found["Log"] == "Support 2026-03-02 09:00 > Engineering 2026-03-02 11:01"
    assert found["Acknowledged"].isoformat() == "2026-03-02T11:01:00+00:00"
    quiet(escalated)
    change(escalated, Status="Waiting")
    escalated.sync()
    escalated.days(7)
    assert told(escalated) == ["told_open"]
    change(escalated, Status="In Progress")
    escalated.sync()
    assert record(escalated)["Due"].isoformat()[:10] == "2026-03-11"
    quiet(escalated)
    escalated.reset_state()
    quiet(escalated)
    change(escalated, Status="Declined")
    escalated.sync()
    assert record(escalated)["Resolved"] is not None
    assert record(escalated)["Log"].endswith("> closed 2026-03-09 11:04")
    # What it asked for is no longer needed.
    assert {task["Status"] for task in tasks(escalated)} == {"Completed"}
    quiet(escalated)


def test_what_nobody_touched_ends_with_its_cause(escalated: Org) -> None:
    """Resolved with all that it asked for, but what people work on."""
    (mine,) = tasks(escalated, ":owner_named")
    escalated.edit("Task", mine["id"], Status="In Progress")
    (case,) = escalated.crm.rows("Case")
    escalated.edit("Case", case["id"], IsClosed=True)
    escalated.pass_time(hours=1)
    escalated.sync()
    found = record(escalated)
    assert (found["Status"], found["Log"]) == (
        "Resolved",
        "Support 2026-03-02 09:00 > closed 2026-03-02 10:00",
    )
    states = {task["Subject"]: task["Status"] for task in tasks(escalated)}
    assert states["Acme: name the owner"] == "In Progress"
    assert states["Acme: write down the cause"] == "Completed"
    quiet(escalated)
    escalated.reset_state()
    quiet(escalated)


def test_a_reopened_one_runs_again(escalated: Org) -> None:
    """Its end is taken back, it is due anew, and nobody is told before that passes."""
    change(escalated, Status="Resolved")
    escalated.sync()
    escalated.days(10)
    change(escalated, Status="In Progress")
    escalated.sync()
    found = record(escalated)
    assert found["Resolved"] is None
    assert found["Due"].isoformat()[:10] == "2026-03-16"
    assert told(escalated) == ["told_open"]
    quiet(escalated)


def by_person(org: Org, account: str, **values: Any) -> str:
    first = {"Account": account, "Reason": "support ISSUE", "Severity": "S2", "OwnerId": org.owner}
    return org.crm.put("Escalation", {**first, **values})


def test_what_a_person_opens_is_run_by_the_same_clock(org: Org) -> None:
    """Only the clock's fields are filled; its required actions are asked for; no rule ends it."""
    account = org.account(80)
    org.sync()
    by_person(org, account)
    org.sync()
    found = record(org)
    assert {name: found.get(name) for name in ("Key", "Status", "Department", "Source")} == {
        "Key": None,
        "Status": None,
        "Department": None,
        "Source": None,
    }
    assert found["Log"] == "Support 2026-03-02 09:00"
    assert found["Due"].isoformat()[:10] == "2026-03-06"
    assert len(tasks(org)) == 2
    assert org.shown(account)["HOpen"] == 1
    quiet(org)
    # The rule's cause comes as well: one open a reason is enough.
    org.case(account)
    org.sync()
    assert len(org.crm.rows("Escalation")) == 1
    org.days(5)
    assert [name[:5] for name in told(org)] == ["told_"]
    change(org, OwnerId="use0other")
    org.sync()
    assert record(org)["Acknowledged"] is not None
    org.reset_state()
    quiet(org)


def test_those_that_stood_at_the_first_sync_ask_for_nothing(org: Org) -> None:
    """They are timed from then on, without a task for anybody; later ones have theirs."""
    account = org.account(80)
    by_person(org, account, Severity="S1", Due="2026-02-01T09:00:00+00:00")
    org.sync()
    assert record(org)["Log"] == "Support 2026-03-02 09:00"
    assert tasks(org) == []
    quiet(org)
    org.reset_state()
    quiet(org)
    org.days(2)
    assert tasks(org) == []


def test_two_left_open_by_a_merge_become_one(tmp_path: Path) -> None:
    """The first one goes on, whatever else is there; the second is resolved."""
    org = Org(tmp_path, config(playbook=playbook(between_days=14)))
    first, second = org.account(80), org.account(80, Name="Beta")
    for account in (first, second):
        org.case(account)
    org.sync()
    rows = {row["Account"]: row["id"] for row in org.crm.rows("Escalation")}
    org.pass_time(hours=1)
    org.edit("Escalation", rows[second], Account=first)
    org.sync()
    states = {row["id"]: row["Status"] for row in org.crm.rows("Escalation")}
    assert states == {rows[first]: "Open", rows[second]: "Resolved"}
    quiet(org)
    org.days(2)
    quiet(org)


def test_an_owner_who_left_is_followed_by_who_is_told_today(escalated: Org) -> None:
    """Untouched ones only; the change is ours, so it is nobody's edit."""
    boss = escalated.crm.put("User", {"IsActive": True})
    escalated.edit("User", escalated.owner, IsActive=False, ManagerId=boss)
    escalated.edit("Account", record(escalated)["Account"], Given=81.0)
    escalated.pass_time(hours=1)
    escalated.sync()
    assert record(escalated)["OwnerId"] == boss
    assert record(escalated).get("Acknowledged") is None
    quiet(escalated)
    (case,) = escalated.crm.rows("Case")
    escalated.edit("Case", case["id"], IsClosed=True)
    escalated.sync()
    assert record(escalated)["Status"] == "Resolved"


def test_fourteen_days_at_least_lie_between_two(tmp_path: Path) -> None:
    """Counted from opening to opening."""
    org = Org(tmp_path, config(playbook=playbook(between_days=14)))
    account = org.account(80)
    case = org.case(account)
    org.sync()
    org.edit("Case", case, IsClosed=True)
    org.days(4)
    org.case(account)
    org.days(9)
    assert len(org.crm.rows("Escalation")) == 1
    org.days(1)
    assert len(org.crm.rows("Escalation")) == 2


def test_a_renamed_reason_keeps_its_records(tmp_path: Path) -> None:
    """A former name, or the rule in the key, still tells what it is about."""
    org = Org(tmp_path, config(playbook=playbook()))
    account = org.account(80)
    org.case(account)
    org.sync()
    before = len(tasks(org))
    org.config = config(playbook=playbook(reason="Broken product", formerly=["Support issue"]))
    org.sync()
    assert (len(org.crm.rows("Escalation")), len(tasks(org))) == (1, before)
    org.config = config(playbook=playbook(reason="Broken again"))
    org.sync()
    assert (len(org.crm.rows("Escalation")), len(tasks(org))) == (1, before)
    quiet(org)


def test_an_event_is_over_when_its_escalation_is(tmp_path: Path) -> None:
    """The clock does not end it; a person who resolves it does, and the next one opens anew."""
    event = {"when": "band = 'red' and band_since_days <= 3", "since": "band_since"}
    org = Org(tmp_path, config(playbook={**playbook(), "alerts": {"late": event}}))
    account = org.account(50)
    org.sync()
    org.days(6)
    assert record(org)["Status"] == "Open"
    change(org, Status="Resolved")
    org.sync()
    assert str(record(org)["Cleared"]) == "2026-03-08"
    quiet(org)
    org.edit("Account", account, Given=90.0)
    org.weeks(2)
    org.edit("Account", account, Given=40.0)
    org.days(2)
    keys = [row["Key"] for row in org.crm.rows("Escalation")]
    assert keys == [f"ch1:{account}:late:1", f"ch1:{account}:late:2"]


def test_what_is_quiet_escalates_nothing(tmp_path: Path) -> None:
    """Only by its own `quiet`: that of the whole playbook does not hush what is so grave."""
    hushed = {"quiet": "contract_value < 5000"}
    for name, more, opened in (("own", {"alerts": {"late": hushed}}, 0), ("all", hushed, 1)):
        (tmp_path / name).mkdir()
        org = Org(tmp_path / name, config(playbook={**playbook(), **more}))
        org.case(org.account(80))
        org.sync()
        assert len(org.crm.rows("Escalation")) == opened
        org.store.close()


def test_an_escalation_keeps_its_baseline(tmp_path: Path) -> None:
    """What it fell from does not sink with it: not by time, nor by a new owner or database."""
    usage = {"when": "given < 50", "baseline": "second", "clear": "given >= 0.85 * baseline"}
    tiered = {"write": {"escalation": {"tier": "Tier"}}}
    org = Org(tmp_path, config(tiered, playbook={**playbook(), "alerts": {"late": usage}}))
    account = org.account(40, Second=90.0)
    org.sync()
    assert record(org)["Tier"] == "growth", "where the playbook has none"
    boss = org.crm.put("User", {"IsActive": True})
    org.edit("User", org.owner, IsActive=False, ManagerId=boss)
    org.edit("Account", account, Given=60.0, Second=45.0)
    org.sync()
    assert (record(org)["OwnerId"], record(org)["Status"]) == (boss, "Open")
    org.reset_state()
    quiet(org)
    org.edit("Account", account, Given=80.0)
    org.sync()
    assert record(org)["Status"] == "Resolved"
    quiet(org)


def test_what_a_person_ended_is_asked_for_by_no_alert_of_its_cause(tmp_path: Path) -> None:
    """Its cause goes on: it has been dealt with. The alert speaks again once that was over."""
    task = {"subject": "{account}: late soon", "body": "Look"}
    soon = {"when": "given < 90", "severity": "high", "does": "task", "task": task, "cool_days": 0}
    late = {"when": "given < 60", "replaces": ["soon"]}
    alerts = {"soon": soon, "late": late, "dropped": {"when": "score < 2"}}
    org = Org(tmp_path, config(playbook={**playbook(), "alerts": alerts}))
    account = org.account(95)
    org.sync()
    org.edit("Account", account, Given=50.0)
    org.sync()
    change(org, Status="Resolved")
    org.sync()
    quiet(org)
    assert tasks(org, ":soon:") == []
    org.edit("Account", account, Given=80.0)
    org.sync()
    assert len(tasks(org, ":soon:")) == 1
    quiet(org)
