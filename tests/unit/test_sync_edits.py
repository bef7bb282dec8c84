"""Whole syncs after people edited what is ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


# -- people's edits --------------------------------------------------------------------------------


def test_an_edited_band_is_put_back_and_reported(org: Org) -> None:
    """Ours is ours; the report says who said what."""
    account = org.account(80)
    org.sync()
    org.edit("Account", account, HBand="Red")
    report = org.sync()
    assert report.edits.rows() == [(account, "band", "Red")]
    assert org.shown(account)["HBand"] == "Green"
    assert "puts back a person's edit" in org.plan(report)["why"][0]
    report = org.sync()
    assert (report.outcomes, report.edits.height) == ({}, 0)


def test_their_text_stays_until_ours_changes(org: Org) -> None:
    """`theirs` holds it, also while other fields are written."""
    account = org.account(80, Second=70.0)
    org.sync()
    said = org.shown(account)["HWhy"]
    org.edit("Account", account, HWhy="Ask Ann first")
    assert org.sync().outcomes == {}
    org.edit("Account", account, HTrend="Falling")
    org.sync()
    assert (org.shown(account)["HWhy"], org.shown(account)["HTrend"]) == ("Ask Ann first", "New")
    assert org.sync().outcomes == {}
    org.edit("Account", account, Given=90.0)
    org.sync()
    assert org.shown(account)["HWhy"] not in ("Ask Ann first", said)
    assert org.sync().outcomes == {}


def test_an_edited_score_is_an_override_of_thirty_days(org: Org) -> None:
    """It is taken, reported once, kept until the day that Why names, and ends by itself."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, HScore=95.0)
    report = org.sync()
    assert report.edits["output"].to_list() == ["score"]
    assert org.shown(account)["HScore"] == 95
    for days in (1, 20, 9):
        org.pass_time(days=days)
        report = org.sync()
        assert report.edits.height == 0
        assert org.shown(account)["HScore"] == 95
        assert org.sync().outcomes == {}
    assert "|o=e:95:2026-03-02|" in org.shown(account)["HMemory"]
    org.days(1)
    assert org.shown(account)["HScore"] == 80
    assert "|o=" not in org.shown(account)["HMemory"]
    assert org.sync().outcomes == {}


@pytest.mark.parametrize("score", [500.0, 0.0, None, 1e300])
def test_a_senseless_score_is_put_back(org: Org, score: float | None) -> None:
    """Only 1 to 100 is a judgement."""
    account = org.account(80)
    org.sync()
    org.edit("Account", account, HScore=score)
    assert org.sync().edits["output"].to_list() == ["score"]
    assert org.shown(account)["HScore"] == 80
    assert org.sync().outcomes == {}


def test_an_override_field_is_never_written(org: Org) -> None:
    """It moves the score while it stands, the computed one stays beside it."""
    account = org.account(80)
    org.sync()
    org.edit("Account", account, Override=40.0)
    org.sync()
    shown = org.shown(account)
    assert (shown["HScore"], shown["HComputed"], shown["Override"]) == (40, 80, 40)
    assert org.sync().outcomes == {}
    org.edit("Account", account, Override=None)
    org.sync()
    assert org.shown(account)["HScore"] == 80
    assert org.sync().outcomes == {}


def test_an_emptied_memory_is_written_again(org: Org) -> None:
    """And nothing else happens: no task, no other score."""
    account = org.account(80)
    org.sync()
    org.edit("Account", account, HMemory=None)
    org.sync()
    assert org.shown(account)["HMemory"].startswith("ch1|")
    assert org.crm.rows("Task") == []
    assert org.sync().outcomes == {}
