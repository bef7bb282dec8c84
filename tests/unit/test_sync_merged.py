"""Accounts that are merged: what was open of both becomes one open risk task."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config

TASK = {"subject": "{account}: act", "body": "Given {given:number}"}


def _alert(when: str, severity: str, **values: Any) -> dict[str, Any]:
    given = {"when": when, "severity": severity, "does": "task", "cool_days": 30}
    return {**given, "on_first_sync": True, "task": dict(TASK), **values}


ALERTS = {
    # Of the kit: never here.
    "dropped": {"when": "score < 2"},
    "low": _alert("second < 60", "medium", says="Second is low"),
    "few": _alert("contract_value < 500", "high", says="Hardly any value", on_clear="leave"),
    "rich": _alert("contract_value > 5000", "medium", polarity="growth"),
}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    playbook = {"alerts": copy.deepcopy(ALERTS), "tasks_a_day": 9}
    models = [{"name": "standard", "weights": {"given": 99, "second": 1}}]
    mapping = {"write": {"episode": {"told": "Told"}}}
    return Org(tmp_path, config(mapping=mapping, model={"models": models}, playbook=playbook))


def _tasks(org: Org) -> dict[str, dict[str, Any]]:
    """By the account and rule that each was made for."""
    return {":".join(row["HKey"].split(":")[1:3]): dict(row) for row in org.crm.rows("Task")}


def _merge(org: Org, winner: str, loser: str) -> None:
    """As CRMs do it: what hangs on the loser hangs on the winner from now on."""
    org.pass_time(hours=1)
    org.crm.delete("Account", loser, merged_into=winner)
    for name, field in (("Task", "WhatId"), ("Episode", "Account"), ("Usage", "Account")):
        for row in org.crm.rows(name):
            if row[field] == loser:
                org.edit(name, row["id"], **{field: winner})


@pytest.mark.parametrize("touched", [None, "winner", "loser"])
def test_one_risk_task_is_left(org: Org, touched: str | None) -> None:
    """It tells of both, the other is closed; what a person works on is the one that stays."""
    winner = org.account(80, Second=50.0, Value=400.0, Name="Acme")
    loser = org.account(80, Second=95.0, Value=400.0, Name="Beta")
    org.edit("Account", winner, Value=900.0)
    org.sync()
    first, other = f"{winner}:low", f"{loser}:few"
    assert set(_tasks(org)) == {first, other}
    if touched is not None:
        mine = first if touched == "winner" else other
        org.edit("Task", _tasks(org)[mine]["id"], Subject="I am on it")
    _merge(org, winner, loser)
    org.edit("Account", winner, Value=400.0)
    org.sync()
    stays, goes = (other, first) if touched == "loser" else (first, other)
    # Of two that nobody touched the first key stays: ids count up.
    assert _tasks(org)[stays]["Status"] == "Not Started"
    gone = _tasks(org)[goes]
    assert gone["Status"] == "Completed"
    assert gone["Description"] == "Cleared on 2 Mar 2026: another task of the customer goes on"
    rule = goes.split(":")[1]
    notes = {row["Key"].split(":")[2]: row for row in org.crm.rows("Episode")}
    assert notes[stays.split(":")[1]]["Told"].startswith(f"{rule}:2:2026-03-02::")
    assert notes[rule]["Cleared"] is not None
    if touched is None:
        # The graver one leads the text.
        assert _tasks(org)[stays]["Priority"] == "High"
        assert "Also:\n- Second is low" in _tasks(org)[stays]["Description"]
    else:
        assert _tasks(org)[stays]["Subject"] == "I am on it"
    assert org.sync().outcomes == {}
    org.reset_state()
    assert org.sync().outcomes == {}
    # And it ends when all that it tells is over; not the one that a person works on.
    org.edit("Account", winner, Second=95.0, Value=900.0)
    org.sync()
    assert all(row["Cleared"] is not None for row in org.crm.rows("Episode"))
    assert org.sync().outcomes == {}


def test_a_crash_in_between_is_made_good(org: Org) -> None:
    """The note is written, the other task still open: closed by the next sync, told once."""
    winner = org.account(80, Second=50.0)
    loser = org.account(80, Second=50.0, Value=400.0)
    org.sync()
    _merge(org, winner, loser)
    org.edit("Account", winner, Value=400.0)
    report = org.sync()
    kinds = [*org.plan(report)["kind"]]
    assert kinds.index("tell_task") < kinds.index("note_episode") < kinds.index("close_task")
    again = next(r for r in org.crm.rows("Task") if r["Status"] == "Completed")
    org.edit("Task", again["id"], Status="Not Started", Description="Given 80")
    org.sync()
    states = sorted(row["Status"] for row in org.crm.rows("Task"))
    assert states == ["Completed", "Not Started"]
    assert org.sync().outcomes == {}


def test_two_that_people_work_on_both_stay(org: Org) -> None:
    """And so does a task about growth."""
    winner, loser = (org.account(80, Second=50.0, Value=9000.0) for _ in range(2))
    org.sync()
    assert len(org.crm.rows("Task")) == 4
    for row in org.crm.rows("Task"):
        org.edit("Task", row["id"], Priority="High", Subject="I am on it")
    _merge(org, winner, loser)
    org.sync()
    assert {row["Status"] for row in org.crm.rows("Task")} == {"Not Started"}
    assert org.sync().outcomes == {}
