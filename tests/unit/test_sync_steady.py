"""What a swinging score does to bands and tasks, through whole syncs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from sync_kit import Org


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def test_a_swing_around_a_threshold_is_one_change_and_one_task(org: Org) -> None:
    """69 and 71 by turns for 30 days: one change of the band, one task.

    That is so where two readings agree; 71 is not enough to come back. Where the score swings from
    day to day no two agree, and the band stays.
    """
    daily, slow = org.account(71), org.account(71)
    org.sync()
    bands: dict[str, list[str]] = {daily: ["Green"], slow: ["Green"]}
    for day in range(30):
        org.edit("Account", daily, Given=69.0 if day % 2 == 0 else 71.0)
        org.edit("Account", slow, Given=69.0 if day // 2 % 2 == 0 else 71.0)
        org.days(1)
        for account, seen in bands.items():
            seen.append(org.shown(account)["HBand"])
    changes = {a: [(t, n) for t, n in pairwise(seen) if t != n] for a, seen in bands.items()}
    assert changes == {daily: [], slow: [("Green", "Yellow")]}
    assert [task["WhatId"] for task in org.crm.rows("Task")] == [slow]
    assert org.sync().outcomes == {}


def test_who_falls_on_gets_no_second_task(org: Org) -> None:
    """60 and 70 pass; below 70 is one task, and below 60 the same one: the levels nest."""
    edges = {org.account(given): given for given in (59.0, 60.0, 69.0, 70.0)}
    mine = org.account(80)
    org.sync()
    bands = {given: org.shown(account)["HBand"] for account, given in edges.items()}
    assert bands == {59: "Red", 60: "Yellow", 69: "Yellow", 70: "Green"}
    org.edit("Account", mine, Given=65.0)
    org.days(1)
    assert org.shown(mine)["HBand"] == "Yellow"
    org.edit("Account", mine, Given=50.0)
    org.days(1)
    assert org.shown(mine)["HBand"] == "Red"
    assert [task["WhatId"] for task in org.crm.rows("Task")] == [mine]
