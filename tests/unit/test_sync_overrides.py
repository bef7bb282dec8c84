"""A person's score through whole syncs: its end, and the review when it stays far from ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config

REVIEW = {
    "when": "override_apart_days >= 3",
    "clear": "override_apart_since is null and computed is not null",
    "severity": "low",
    "does": "task",
    "cool_days": 30,
    "task": {
        "subject": "{account}: {score:number} by hand, {computed:number} by what we see",
        "body": "Since {override_apart_since:date}; {score_change_30:number} in 30 days",
    },
}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path, config(playbook={"alerts": {"override_review": REVIEW}}))


def tasks(org: Org) -> list[dict[str, Any]]:
    """Reviews alone: a person's score may move a band, which is another alert's matter."""
    rows = [row.values for row in org.crm.tables["Task"].rows.values()]
    return [values for values in rows if "by hand" in values["Subject"]]


def test_a_score_that_stays_far_from_ours_is_reviewed_once(org: Org) -> None:
    """One task on the third day, even if the database is lost; it closes when they agree."""
    far = org.account(50.0, Name="Far")
    near = org.account(80.0, Name="Near")
    org.sync()
    for account in (far, near):
        org.edit("Account", account, Override=90.0)
    org.sync()
    org.days(2)
    assert tasks(org) == []
    org.days(1)
    assert [task["Subject"] for task in tasks(org)] == ["Far: 90 by hand, 50 by what we see"]
    assert tasks(org)[0]["Description"].startswith("Since 2 Mar 2026")
    org.days(1)
    org.reset_state()
    org.days(4)
    # A source that breaks for a day decides nothing.
    org.edit("Account", far, Given=None)
    org.days(1)
    assert org.shown(far)["HComputed"] is None
    org.edit("Account", far, Given=50.0)
    org.days(1)
    assert [task["Status"] for task in tasks(org)] == ["Not Started"]
    # The two stay side by side: no average of them.
    assert (org.shown(far)["HScore"], org.shown(far)["HComputed"]) == (90, 50)
    org.edit("Account", far, Override=60.0)
    org.days(1)
    assert [task["Status"] for task in tasks(org)] == ["Completed"]
    org.edit("Account", far, Override=90.0)
    org.days(5)
    assert len(tasks(org)) == 1


def test_an_override_without_an_end_gets_one_and_says_so(org: Org) -> None:
    """By the model's default; Why tells until when, and why then."""
    org.config = config(model={"override": {"days": 2, "max_days": 40}})
    mine = org.account(50.0, Override=90.0)
    org.sync()
    assert org.shown(mine)["HWhy"].startswith(
        "90, set by a person until 4 Mar 2026, as no end was given (computed: 50)."
    )
    org.days(2)
    assert org.shown(mine)["HScore"] == 90
    org.days(1)
    assert org.shown(mine)["HScore"] == 50
