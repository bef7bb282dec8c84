"""The touch plan in whole syncs: what is next, tasks in time, the week's queue, campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from standing_kit import BEFORE, customers
from sync_kit import Org
from touch_kit import talk, touching_org

TODAY = BEFORE.date()


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    found = touching_org(tmp_path)
    yield found
    found.store.close()


def due(org: Org, account: str) -> tuple[str | None, date | None]:
    shown = org.shown(account)
    return shown["PNext"], shown["PNextDue"]


def tasks(org: Org, rule: str, account: str = "") -> list[dict[str, Any]]:
    found = [{"Id": key} | row.values for key, row in org.crm.tables["Task"].rows.items()]
    return [task for task in found if f"{account}:touch_{rule}:" in task["HKey"]]


def after(days: int) -> date:
    return TODAY + timedelta(days=days)


def test_a_call_is_due_a_month_after_the_last_one_and_asked_for_a_week_before(org: Org) -> None:
    """One task, none where a person planned; it closes when they talked, and the date moves."""
    acme, globex, long_ago, *_ = customers(org)
    talk(org, acme)
    talk(org, globex)
    talk(org, long_ago, 400)
    org.sync()
    assert due(org, acme) == ("Call", after(30))
    assert due(org, long_ago) == ("Call", after(14)), "a plan begins with the tier"
    assert not org.crm.rows("Task"), "nothing stands to be done on the first day"
    assert org.plan(org.sync()).is_empty()
    talk(org, globex, -60)
    org.pass_time(days=22)
    org.sync()
    assert not tasks(org, "call", acme)
    org.pass_time(days=1)
    asked = org.plan(org.sync()).filter(pl.col("op") == "create_once")["kind"]
    assert set(asked) == {"touch"}, "no guard counts them"
    (task,) = tasks(org, "call", acme)
    said = (task["Subject"], task["Description"])
    assert said == ("C00: last talk 17 Mar 2026", "Tell them: How"), "what their stage says"
    assert not tasks(org, "call", globex), "somebody has planned a talk"
    org.reset_state()
    assert org.plan(org.sync()).is_empty()
    talk(org, acme)
    org.sync()
    (task,) = tasks(org, "call", acme)
    assert task["Status"] == "Completed"
    assert due(org, acme) == ("Call", after(53))
    org.pass_time(days=23)
    org.sync()
    assert [t["Status"] for t in tasks(org, "call", acme)] == ["Completed", "Not Started"]


def test_a_closed_call_stays_closed_until_they_talked(org: Org) -> None:
    """Who closes the task without a talk is not asked again the next day."""
    acme, *_ = customers(org)
    talk(org, acme)
    org.sync()
    org.pass_time(days=25)
    org.sync()
    (task,) = tasks(org, "call", acme)
    org.edit("Task", task["Id"], Status="Completed")
    org.days(3)
    assert len(tasks(org, "call", acme)) == 1


def test_the_middle_has_a_queue_of_so_many_a_week(org: Org) -> None:
    """Those with the most attention first; the places are free again on Monday, not before."""
    ids = customers(org)
    middle = ids[3:12]
    org.edit("Account", middle[8], Given=30.0, Second=30.0)
    org.sync()
    org.pass_time(days=20)
    assert org.crm.clock.now().date().isoformat() == "2026-04-06", "a Monday"
    org.sync()
    first = tasks(org, "queue")
    assert len(first) == 2
    assert any(middle[8] in task["HKey"] for task in first)
    for task in first:
        org.edit("Task", task["Id"], Status="Completed")
    org.days(6)
    assert len(tasks(org, "queue")) == 2
    org.days(1)
    assert len(tasks(org, "queue")) == 4


def test_campaigns_enrol_on_a_value_that_lasts(org: Org) -> None:
    """A month at least, from the CRM's own fields; but news of an outage can't wait."""
    *_, last = customers(org)
    org.sync()
    assert due(org, last) == (None, None)
    org.edit("Account", last, Second=95.0)
    org.pass_time(days=15)
    org.sync()
    assert due(org, last) == ("Grow", after(15))
    org.edit("Account", last, Given=60.0, Second=60.0)
    org.days(1)
    org.pass_time(days=28)
    org.sync()
    assert due(org, last) == ("Grow", after(15)), "a month is not over"
    org.reset_state()
    org.days(1)
    assert due(org, last) == ("Come Back", after(45))
    org.edit("Account", last, Given=5.0)
    org.days(1)
    assert due(org, last) == ("Outage", after(46))
    assert org.plan(org.sync()).is_empty()
