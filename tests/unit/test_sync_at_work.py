"""What people have on their hands, and what need not be written because of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from sync_kit import Org, config

from crm_health.programmes.telling import Telling
from crm_health.sync.at_work import AtWork

MAKES = {"account_id": pl.String, "key": pl.String, "severity": pl.String, "owner_id": pl.String}
JOINS = {"account_id": pl.String, "base": pl.String, "new": pl.Boolean}


def busy(org: Org, count: int) -> None:
    """The owner of so many customers gets a task for each."""
    ids = [org.account(80) for _ in range(count)]
    org.sync()
    org.pass_time(hours=1)
    for account in ids:
        org.edit("Account", account, Given=50.0)
    org.sync()
    org.sync()


def test_of_a_full_day_only_what_is_grave_is_written(tmp_path: Path) -> None:
    """Other tasks of that person wait, with the lines that would be in them; nobody else's do."""
    org = Org(tmp_path, config(playbook={"tasks_a_day": 2, "tasks_open": 9}))
    busy(org, 2)
    makes = [
        ("a", "grave", "high", org.owner),
        ("b", "plain", "low", org.owner),
        ("c", "other", "low", "somebody"),
    ]
    joins = [("a", "grave", True), ("b", "plain", True), ("d", "open already", False)]
    shared = Telling(
        pl.DataFrame(makes, schema=MAKES, orient="row"),
        pl.DataFrame(joins, schema=JOINS, orient="row"),
    )
    at_work = AtWork(org.store, org.setting())
    fitting = at_work.fits(shared)
    assert fitting.makes["key"].to_list() == ["grave", "other"]
    assert fitting.joins["base"].to_list() == ["grave", "open already"]
    assert at_work.today.rows() == [(org.owner, 2)]
    assert at_work.open.rows() == [(org.owner, 2)]


def test_what_is_done_gives_room_but_counts_for_its_day(tmp_path: Path) -> None:
    """A task that was closed is no open one, and was one of today's all the same."""
    org = Org(tmp_path, config(playbook={"tasks_a_day": 2, "tasks_open": 2}))
    busy(org, 2)
    org.edit("Task", org.crm.rows("Task")[0]["id"], Status="Completed")
    org.sync()
    at_work = AtWork(org.store, org.setting())
    assert at_work.open.rows() == [(org.owner, 1)]
    assert at_work.today.rows() == [(org.owner, 2)]
    org.days(7)
    assert AtWork(org.store, org.setting()).today.is_empty()
