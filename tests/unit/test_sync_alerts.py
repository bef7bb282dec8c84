"""Alerts in whole syncs: one open risk task an account, whatever happens to it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config

TASK = {"subject": "{account}: act", "body": "Given {given:number}"}


def _alert(when: str, severity: str, **values: Any) -> dict[str, Any]:
    given = {"when": when, "severity": severity, "does": "task", "cool_days": 1}
    return {**given, "on_first_sync": True, "task": dict(TASK), **values}


ALERTS = {
    # Of the kit: never here.
    "dropped": {"when": "score < 2"},
    "low": _alert(
        "second < 60",
        "medium",
        says="Second is {second:number}",
        over="second is back",
        due_days=5,
    ),
    "lower": _alert(
        "second < 40", "high", due_days=1, task={**TASK, "subject": "{account}: hurry"}
    ),
    "shrunk": _alert(
        "used < 5 and second < 90",
        "low",
        baseline="second",
        clear="second >= 1.5 * baseline",
        says="Shrunk",
    ),
    "many": _alert("given > 95", "medium", polarity="growth"),
}


def _config(**alerts: Any) -> Any:
    kept = {**ALERTS, **{name: {**ALERTS[name], **how} for name, how in alerts.items()}}
    # Copied, since YAML would name what is there twice.
    playbook = {"alerts": copy.deepcopy(kept), "tasks_a_day": 9}
    models = [{"name": "standard", "weights": {"given": 99, "second": 1}}]
    mapping = {"write": {"episode": {"told": "Told"}}}
    return config(mapping=mapping, model={"models": models}, playbook=playbook)


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path, _config())


def _used(org: Org, account: str, times: int = 9) -> None:
    for _ in range(times):
        org.crm.put("Usage", {"Account": account, "Value": 5.0, "Day": org.now.date()})


def _task(org: Org) -> dict[str, Any]:
    (task,) = org.crm.rows("Task")
    return task


def _kinds(org: Org, report: Any) -> list[str]:
    return sorted({*org.plan(report)["kind"]} - {"fields", "memory"})


def test_a_further_risk_is_a_line_and_a_graver_one_raises_the_task(org: Org) -> None:
    """The task is written anew, nothing is made, and the next sync has nothing to write."""
    account = org.account(80, Second=95.0)
    _used(org, account)
    org.sync()
    org.edit("Account", account, Second=50.0)
    report = org.sync()
    assert _kinds(org, report) == ["task"]
    first = _task(org)
    assert (first["Subject"], first["Priority"]) == ("Acme: act", "Normal")
    org.edit("Account", account, Second=30.0)
    report = org.sync()
    assert _kinds(org, report) == ["note_episode", "tell_task"]
    raised = _task(org)
    assert (raised["Subject"], raised["Priority"]) == ("Acme: hurry", "High")
    assert raised["Description"] == "Given 80\n\nAlso:\n- Second is 30"
    assert raised["ActivityDate"] < first["ActivityDate"]
    assert raised["HKey"].split("#")[0] == first["HKey"].split("#")[0]
    assert org.crm.rows("Episode")[0]["Told"] == "lower:1:2026-03-02::"
    assert org.sync().outcomes == {}
    # The graver risk is over: the task goes on for the other, and no one writes to it.
    org.pass_time(days=1)
    org.edit("Account", account, Second=50.0)
    assert _kinds(org, org.sync()) == ["note_episode"]
    assert org.crm.rows("Episode")[0]["Told"] == "lower:1:2026-03-02:2026-03-03:"
    org.reset_state()
    assert org.sync().outcomes == {}
    org.edit("Account", account, Second=95.0)
    assert _kinds(org, org.sync()) == ["clear_episode", "close_task"]
    assert _task(org)["Status"] == "Completed"
    assert _task(org)["Description"] == "Cleared on 3 Mar 2026: second is back, it is over"
    assert org.sync().outcomes == {}


def test_what_opens_together_is_one_task_and_growth_has_its_own(org: Org) -> None:
    """The gravest risk makes it; the number that one keeps is kept with it."""
    account = org.account(97, Second=30.0)
    _used(org, account, 1)
    org.sync()
    tasks = {row["HKey"].split(":")[2]: row for row in org.crm.rows("Task")}
    assert set(tasks) == {"lower", "many"}
    assert tasks["lower"]["Description"] == "Given 97\n\nAlso:\n- Second is 30\n- Shrunk"
    told = next(e["Told"] for e in org.crm.rows("Episode") if ":lower:" in e["Key"])
    assert told == "low:1:2026-03-02::;shrunk:1:2026-03-02::30"
    # Over at half as much again as when it opened, not when the condition ends.
    org.edit("Account", account, Second=44.0)
    _used(org, account)
    org.sync()
    told = next(e["Told"] for e in org.crm.rows("Episode") if ":lower:" in e["Key"])
    assert told == "low:1:2026-03-02::;shrunk:1:2026-03-02::30"
    org.edit("Account", account, Second=46.0)
    org.sync()
    told = next(e["Told"] for e in org.crm.rows("Episode") if ":lower:" in e["Key"])
    assert told == "low:1:2026-03-02::;shrunk:1:2026-03-02:2026-03-02:30"
    assert org.sync().outcomes == {}


@pytest.mark.parametrize("field", ["Description", "Subject", "Status", "Priority"])
def test_a_task_that_a_person_touched_is_never_rewritten(org: Org, field: str) -> None:
    """What comes later shows in fields only, and makes no second task as long as it is open."""
    account = org.account(80, Second=50.0)
    _used(org, account)
    org.sync()
    org.edit("Task", _task(org)["id"], **{field: "I called them"})
    before = _task(org)
    org.edit("Account", account, Second=30.0)
    assert _kinds(org, org.sync()) == ["note_episode"]
    assert _task(org) == before
    assert org.sync().outcomes == {}
    org.edit("Account", account, Second=95.0)
    assert _kinds(org, org.sync()) == ["clear_episode", "note_episode"]
    assert _task(org) == before
    assert org.sync().outcomes == {}


def test_a_task_that_a_person_reopens_stays_open(org: Org) -> None:
    """Closed by us when its cause was over, and theirs from then on, whatever comes."""
    account = org.account(80, Second=50.0)
    _used(org, account)
    org.sync()
    org.edit("Account", account, Second=95.0)
    org.sync()
    assert _task(org)["Status"] == "Completed"
    org.edit("Task", _task(org)["id"], Status="Not Started")
    before = _task(org)
    assert org.sync(full=True).outcomes == {}
    # The cause comes back: the account has its open task.
    org.pass_time(days=2)
    org.edit("Account", account, Second=50.0)
    assert _kinds(org, org.sync()) == ["note_episode"]
    org.edit("Account", account, Second=95.0)
    org.sync()
    org.reset_state()
    assert org.sync().outcomes == {}
    assert _task(org) == before


def test_layout_is_no_edit(org: Org) -> None:
    """A rich-text field gives the body back as paragraphs: nobody touched it."""
    account = org.account(80, Second=30.0)
    _used(org, account)
    org.sync()
    paragraphs = "<p>Given 80</p><p>&nbsp;</p><p>Also:<br>- Second is&nbsp;30</p>"
    org.edit("Task", _task(org)["id"], Description=paragraphs)
    org.edit("Account", account, Second=95.0)
    assert "close_task" in _kinds(org, org.sync())


def test_a_crash_between_task_and_note_repeats_the_same(org: Org) -> None:
    """The line is there and not in mind: the next sync writes it again, into the same task."""
    account = org.account(80, Second=50.0)
    _used(org, account)
    org.sync()
    org.edit("Account", account, Second=30.0)
    org.sync()
    said = _task(org)["Description"]
    org.edit("Episode", org.crm.rows("Episode")[0]["id"], Told=None)
    report = org.sync()
    assert _kinds(org, report) == ["note_episode", "tell_task"]
    assert _task(org)["Description"] == said
    assert org.sync().outcomes == {}


def test_without_a_place_to_note_it_a_further_risk_makes_no_task(tmp_path: Path) -> None:
    """An org without that field still has one open risk task an account."""
    bare = _config()
    episode = bare.mapping.write.episode.model_copy(update={"told": None})
    write = bare.mapping.write.model_copy(update={"episode": episode})
    mapping = bare.mapping.model_copy(update={"write": write})
    org = Org(tmp_path, type(bare)(**{**vars(bare), "mapping": mapping}))
    account = org.account(80, Second=50.0)
    _used(org, account)
    org.sync()
    org.edit("Account", account, Second=30.0)
    assert _kinds(org, org.sync()) == []
    assert len(org.crm.rows("Task")) == 1


def test_an_event_is_over_when_its_task_is_closed(tmp_path: Path) -> None:
    """It does not clear with the clock; a later one opens anew."""
    event = {"when": "band_since_days <= 3 and band = 'red'", "since": "band_since"}
    org = Org(tmp_path, _config(low=event, lower={"when": "second < 0"}))
    account = org.account(50, Second=95.0)
    _used(org, account)
    org.sync()
    org.days(6)
    assert _task(org)["Status"] == "Not Started"
    org.edit("Task", _task(org)["id"], Status="Completed")
    assert _kinds(org, org.sync()) == ["clear_episode"]
    assert org.sync().outcomes == {}
    org.edit("Account", account, Given=90.0)
    org.weeks(2)
    org.edit("Account", account, Given=40.0)
    org.days(2)
    assert [row["HKey"].split("#")[0] for row in org.crm.rows("Task")] == [
        f"ch1:{account}:low:1",
        f"ch1:{account}:low:2",
    ]


@pytest.mark.parametrize("touched", [False, True])
def test_news_that_nobody_took_up_is_closed(tmp_path: Path, touched: bool) -> None:
    """`expires_days` after it opened, and only where nobody touched the task; never anew."""
    event = {"when": "band_since_days <= 1", "since": "band_since", "expires_days": 3}
    org = Org(tmp_path, _config(low=event, lower={"when": "second < 0"}))
    account = org.account(50, Second=95.0)
    _used(org, account)
    org.sync()
    if touched:
        org.edit("Task", _task(org)["id"], Subject="Mine")
    assert [_kinds(org, report) for report in org.days(2)] == [[], []]
    (last,) = org.days(1)
    if touched:
        assert _kinds(org, last) == []
        assert _task(org)["Status"] == "Not Started"
        return
    assert _kinds(org, last) == ["clear_episode", "close_task"]
    assert _task(org)["Status"] == "Completed"
    assert _task(org)["Description"].startswith(
        "Cleared on 5 Mar 2026: nobody took it up in 3 days"
    )
    org.weeks(1)
    org.reset_state()
    org.sync()
    assert len(org.crm.rows("Task")) == 1


def test_news_that_goes_on_is_news(tmp_path: Path) -> None:
    """One task tells of what happened since as well: it ends when the last of it is old."""
    event = {"when": "second < 60", "since": "band_since", "expires_days": 3}
    org = Org(tmp_path, _config(low=event, lower={"when": "second < 0"}))
    account = org.account(50, Second=50.0)
    _used(org, account)
    org.sync()
    assert [_kinds(org, report) for report in org.days(5)] == [[]] * 5
    org.edit("Account", account, Second=95.0)
    assert _kinds(org, org.days(1)[0]) == ["clear_episode", "close_task"]


@pytest.mark.parametrize("where", ["rule", "everywhere"])
def test_quiet_customers_get_no_task(tmp_path: Path, where: str) -> None:
    """Their alerts stand in the fields, where campaigns enrol on them."""
    quiet = "contract_value < 5000"
    base = _config(low={"quiet": quiet} if where == "rule" else {})
    playbook = base.playbook
    if where == "everywhere":
        playbook = playbook.model_copy(update={"quiet": quiet})
    org = Org(tmp_path, type(base)(**{**vars(base), "playbook": playbook}))
    small, large = org.account(80, Second=50.0), org.account(80, Second=50.0, Value=9000.0)
    for account in (small, large):
        _used(org, account)
    org.sync()
    assert _task(org)["WhatId"] == large
    assert org.sync().outcomes == {}


def test_what_is_to_be_left_open_stays_open(tmp_path: Path) -> None:
    """`on_clear: leave`: the episode ends, the task is the person's to close."""
    org = Org(tmp_path, _config(low={"on_clear": "leave"}))
    account = org.account(80, Second=50.0)
    _used(org, account)
    org.sync()
    org.edit("Account", account, Second=95.0)
    assert _kinds(org, org.sync()) == ["clear_episode"]
    assert _task(org)["Status"] == "Not Started"


def test_what_waits_too_long_is_not_told(tmp_path: Path) -> None:
    """A person has no day for it in ten business days: it is counted, and then let go."""
    base = _config()
    playbook = base.playbook.model_copy(update={"tasks_open": 1, "tasks_a_day": 1})
    org = Org(tmp_path, type(base)(**{**vars(base), "playbook": playbook}))
    for _ in range(2):
        _used(org, org.account(80, Second=50.0))
    first = org.sync()
    assert (first.waiting, first.expired, len(org.crm.rows("Task"))) == (1, 0, 1)
    org.pass_time(days=14)
    assert (org.sync().waiting, org.sync().expired) == (1, 0)
    org.pass_time(days=1)
    assert org.sync().expired == 1
    # There is room again, but it was let go.
    org.edit("Task", _task(org)["id"], Status="Completed")
    report = org.sync(full=True)
    assert (report.waiting, report.expired, len(org.crm.rows("Task"))) == (0, 1, 1)


def test_the_task_of_a_rule_that_is_gone_is_closed(org: Org) -> None:
    """Else it would hold the account's one task for ever."""
    account = org.account(80, Second=50.0)
    _used(org, account)
    org.sync()
    alerts = {name: a for name, a in org.config.playbook.alerts.items() if name != "low"}
    playbook = org.config.playbook.model_copy(update={"alerts": alerts})
    org.config = type(org.config)(**{**vars(org.config), "playbook": playbook})
    assert _kinds(org, org.sync(full=True)) == ["clear_episode", "close_task"]
    org.edit("Account", account, Second=30.0)
    assert _kinds(org, org.sync()) == ["task"]


def test_a_hierarchy_is_tasked_once_where_its_contract_is(tmp_path: Path) -> None:
    """The gravest of its risks makes the one task, at the holder; it closes by its own cause."""
    mapping = {
        "read": {"account": {"columns": {"parent_id": "Parent"}}},
        "write": {"episode": {"told": "Told"}},
    }
    models = [{"name": "standard", "weights": {"given": 99, "second": 1}}]
    playbook = {"alerts": copy.deepcopy(ALERTS), "tasks_a_day": 9}
    org = Org(tmp_path, config(mapping=mapping, model={"models": models}, playbook=playbook))
    head = org.account(80, Name="Head", Second=95.0, Value=9000.0)
    middle = org.account(80, Name="Middle", Second=95.0, Value=None, Parent=head)
    leaf = org.account(80, Name="Leaf", Second=95.0, Value=0.0, Parent=middle)
    other = org.account(80, Name="Other", Second=95.0, Value=500.0, Parent=head)
    for account in (head, middle, leaf, other):
        _used(org, account)
    org.sync()
    org.edit("Account", middle, Second=50.0)
    org.edit("Account", leaf, Second=30.0)
    org.sync()
    # The gravest is the leaf's.
    task = _task(org)
    assert (task["WhatId"], task["Subject"]) == (head, "Leaf: hurry")
    assert org.crm.rows("Episode")[0]["Account"] == leaf
    for account in (head, middle):
        org.edit("Account", account, Second=20.0)
    assert _kinds(org, org.sync()) == []
    org.reset_state()
    assert org.sync().outcomes == {}
    # Who has a contract of its own is tasked apart.
    org.edit("Account", other, Second=20.0)
    assert _kinds(org, org.sync()) == ["task"]
    assert sorted(row["WhatId"] for row in org.crm.rows("Task")) == sorted([head, other])
    # The leaf is well again: its task closes, and the next of the family has one.
    org.edit("Account", leaf, Second=95.0)
    assert "close_task" in _kinds(org, org.sync())
    report = org.sync(full=True)
    assert _kinds(org, report) == ["task"]
    assert org.sync(full=True).outcomes == {}
    open_ones = [row for row in org.crm.rows("Task") if row["Status"] != "Completed"]
    assert sorted(row["WhatId"] for row in open_ones) == sorted([head, other])
