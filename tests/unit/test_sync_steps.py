"""Single steps of a run: rationing, what is due, and odd configurations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sync_kit import Org, config

from crm_health.health import book
from crm_health.sync import assess, population
from crm_health.sync.at_work import AtWork
from crm_health.sync.ration import TASKS, waiting


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


# -- rationing -------------------------------------------------------------------------------------


def dropped(org: Org, count: int) -> list[str]:
    """So many customers whose health drops after the first sync; worse ones last."""
    ids = [org.account(80, Name=f"Acme {n}") for n in range(count)]
    org.sync()
    org.pass_time(hours=1)
    for place, account in enumerate(ids):
        org.edit("Account", account, Given=55.0 - place)
    return ids


def accounts_of(org: Org) -> list[str]:
    return sorted(row["WhatId"] for row in org.crm.rows("Task"))


def test_a_person_gets_three_new_tasks_a_day(org: Org) -> None:
    """Those that need most attention; the others wait, are counted, and come the next days."""
    ids = dropped(org, 8)
    report = org.sync()
    assert report.waiting == 5
    assert accounts_of(org) == sorted(ids[5:])
    assert org.sync(full=True).waiting == 5
    (report,) = org.days(1)
    assert report.waiting == 2
    assert accounts_of(org) == sorted(ids[2:])
    org.days(1)
    assert accounts_of(org) == sorted(ids)
    assert org.sync(full=True).outcomes == {}


def test_fifteen_open_tasks_are_enough(tmp_path: Path) -> None:
    """Whoever has them gets no new one before some are done."""
    org = Org(tmp_path, config(playbook={"tasks_a_day": 2, "tasks_open": 3}))
    ids = dropped(org, 6)
    org.sync()
    (report,) = org.days(1)
    assert (len(accounts_of(org)), report.waiting) == (3, 3)
    (report,) = org.days(1)
    assert (len(accounts_of(org)), report.waiting) == (3, 3)
    org.edit("Task", org.crm.rows("Task")[0]["id"], Status="Completed")
    org.days(1)
    assert len(accounts_of(org)) == 4
    assert set(accounts_of(org)) <= set(ids)


def test_every_owner_has_a_day_of_their_own(org: Org) -> None:
    """One person's many tasks keep nobody else's back."""
    other = org.crm.put("User", {"IsActive": True})
    ids = [org.account(80) for _ in range(4)] + [org.account(80, OwnerId=other)]
    org.sync()
    org.pass_time(hours=1)
    for account in ids:
        org.edit("Account", account, Given=50.0)
    assert org.sync().waiting == 1
    owners = [row["OwnerId"] for row in org.crm.rows("Task")]
    assert sorted(owners) == sorted([org.owner] * 3 + [other])


def test_what_is_high_always_passes(org: Org) -> None:
    """It takes a place all the same, so that others wait."""
    tasks = pl.DataFrame(
        [(f"k{n}", "u", float(n), n < 5, None, None) for n in range(8)], schema=TASKS, orient="row"
    )
    org.sync()
    busy = AtWork(org.store, org.setting())
    assert sorted(waiting(tasks, org.store, org.setting(), busy).keys) == ["k5", "k6", "k7"]
    assert waiting(tasks.filter(~pl.col("high")), org.store, org.setting(), busy).keys.is_empty()


def test_nobody_to_tell_is_counted(org: Org) -> None:
    """No task or escalation without an active owner, no count of it, and nothing flaps."""
    gone = org.crm.put("User", {"IsActive": False})
    account = org.account(80, OwnerId=gone)
    org.case(account)
    report = org.sync()
    assert (report.ownerless, org.crm.rows("Escalation")) == (1, [])
    assert org.shown(account)["HOpen"] == 0
    assert org.sync().outcomes == {}
    org.edit("User", gone, IsActive=True)
    org.edit("Account", account, Csm=gone)
    org.sync()
    assert org.crm.rows("Escalation")[0]["OwnerId"] == gone
    assert org.shown(account)["HOpen"] == 1
    assert org.sync().outcomes == {}


def test_a_department_s_owner_takes_its_escalations(tmp_path: Path) -> None:
    """Whoever owns the account."""
    desk = {"departments": {"Support": {"owner": "005000000000001AAA"}}}
    org = Org(tmp_path, config(playbook=desk))
    org.case(org.account(80, OwnerId=None))
    assert org.sync().ownerless == 0
    assert org.crm.rows("Escalation")[0]["OwnerId"] == "005000000000001AAA"


# -- what is due -----------------------------------------------------------------------------------


def test_all_are_assessed_once_a_day_and_after_a_change(org: Org) -> None:
    """In between only what changed."""
    org.book(5)
    assert org.sync().assessed == 5
    org.pass_time(hours=1)
    org.sync()
    org.pass_time(hours=1)
    assert org.sync().assessed == 0
    org.config = config(playbook={"tasks_a_day": 4})
    assert org.sync().assessed == 5
    assert org.sync().assessed == 0
    assert org.sync(full=True).assessed == 5
    org.pass_time(hours=13)  # past midnight
    assert org.sync().assessed == 5
    assert org.sync().assessed == 0


def test_the_day_is_the_org_s_own(tmp_path: Path) -> None:
    """Far from UTC the day of dates, tasks and full assessments is the local one."""
    for zone, day in (("Pacific/Tongatapu", 3), ("Pacific/Pago_Pago", 1)):
        folder = tmp_path / str(day)
        folder.mkdir()
        now = datetime(2026, 3, 2, 11 if day == 3 else 10, 30, tzinfo=UTC)
        org = Org(folder, config(model={"time_zone": zone}), now)
        account = org.account(80)
        org.sync()
        assert org.shown(account)["HSince"].day == day
        assert f"|s=2026-03-{day:02d}|" in org.shown(account)["HMemory"]
        assert org.shown(account)["HWeeks"].endswith(f"to {day} Mar 2026")
        assert org.sync().outcomes == {}
        org.pass_time(hours=1)
        assert org.sync().assessed == (0 if day == 3 else 1)
        assert org.sync().outcomes == {}


def test_usage_of_the_local_day_counts_as_newest(tmp_path: Path) -> None:
    """East of Greenwich today's rows are not rows of tomorrow."""
    facts = {"recent": {"from": "usage", "where": "window_days = 1", "take": "count(*)"}}
    given: dict[str, Any] = {"value": "recent * 100", "says": "x"}
    change: dict[str, Any] = {"facts": facts, "measures": {"given": given}}
    org = Org(
        tmp_path,
        config(model=change | {"time_zone": "Pacific/Tongatapu"}),
        datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
    account = org.account(100)
    for day in (2, 3):  # the 3rd is today there
        org.crm.put("Usage", {"Account": account, "Value": 1.0, "Day": f"2026-03-{day:02d}"})
    org.sync()
    assert org.shown(account)["HScore"] == 100


# -- the book --------------------------------------------------------------------------------------


def test_book_figures_need_only_their_own_facts(tmp_path: Path) -> None:
    """Facts on which no figure rests are not loaded for them; the figures are the same."""
    facts = {
        "big": {"from": "usage", "where": "value > 5", "take": "sum(value)"},
        "far": {"from": "usage", "where": "value > 90", "take": "count(*)"},
    }
    change: dict[str, Any] = {
        "facts": facts,
        "derived": {"share": "big / (used + 1)", "rest": "far + p1_late"},
        "measures": {"second": {"value": "50 + share - book_share + rest", "says": "x"}},
    }
    org = Org(tmp_path, config(model=change))
    for place, account in enumerate(org.book(25)):
        org.crm.put("Usage", {"Account": account, "Value": float(place + 6), "Day": org.now.date()})
    model = org.config.model
    few = population.narrowed(model, ["share"])
    assert (set(few.facts), set(few.derived)) == ({"big", "used"}, {"share"})
    org.sync()
    setting = org.setting()
    saved = org.store.history.figures(setting.day, org.config.digest)
    views = [
        assess.load_facts(org.store, setting, found, scope, {}).values
        for scope in population.parts(org.store, setting)
        for found in [assess.in_scope(org.store, setting, scope)]
    ]
    assert saved == book.figures(model, pl.concat(views))
    assert saved["book_share"]


def test_parts_hold_few_enough_accounts_and_rows(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether accounts or their rows are many; together they are all accounts, each once."""
    ids = org.book(40)
    org.sync()
    setting = org.setting()
    assert len(population.parts(org.store, setting)) == 1
    for limit, least in (("ACCOUNTS_AT_ONCE", 4), ("ROWS_AT_ONCE", 9)):
        with monkeypatch.context() as patch:
            patch.setattr(population, limit, 10)
            scopes = population.parts(org.store, setting)
            assert len(scopes) >= least
            found = [org.store.mirror.account_ids(scope) for scope in scopes]
            assert sorted(pl.concat(found)) == sorted(ids)
            assert org.sync(full=True).outcomes == {}


# -- records that people moved ---------------------------------------------------------------------


def test_a_task_moved_to_another_customer_is_not_taken_for_theirs(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its episode stays where it was; the other customer gets a task of their own when due."""
    monkeypatch.setattr(population, "ACCOUNTS_AT_ONCE", 1)
    first, second = dropped(org, 2)
    org.edit("Account", second, Given=80.0)
    org.sync()
    (task,) = org.crm.rows("Task")
    assert task["WhatId"] == first
    org.edit("Task", task["id"], WhatId=second)
    org.days(1)
    org.edit("Account", second, Given=40.0)
    org.sync()
    keys = sorted(row["HKey"].split("#")[0] for row in org.crm.rows("Task"))
    assert keys == sorted(f"ch1:{account}:dropped:1" for account in (first, second))
    assert org.sync(full=True).outcomes == {}


def test_an_episode_that_was_moved_still_counts_where_it_began(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever part it is in now: its key is taken, so nothing opens a second time."""
    monkeypatch.setattr(population, "ACCOUNTS_AT_ONCE", 1)
    late = org.account(80)
    other = org.account(80)
    org.case(late)
    org.sync()
    (escalation,) = org.crm.rows("Escalation")
    org.edit("Escalation", escalation["id"], Account=other)
    for report in org.days(2):
        assert "escalation" not in set(org.plan(report)["kind"])
    assert len(org.crm.rows("Escalation")) == 1
