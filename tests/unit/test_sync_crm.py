"""Whole syncs of what a CRM does by itself: deletes, merges, late rows, odd ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org

from crm_health.testing.memory_crm import Fault


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


# -- what the CRM does -----------------------------------------------------------------------------


def test_deleted_rows_count_no_more(org: Org) -> None:
    """A deleted case closes its escalation; a deleted account is left alone."""
    account, gone = org.account(80), org.account(80)
    case = org.case(account)
    org.sync()
    org.crm.delete("Case", case)
    org.crm.delete("Account", gone)
    report = org.sync()
    assert (report.customers, report.accounts) == (2, 1)
    assert org.crm.rows("Escalation")[0]["Status"] == "Resolved"
    assert org.sync().outcomes == {}


def test_a_merge_folds_into_the_winner(org: Org) -> None:
    """The loser's children come to the winner; nothing is opened a second time."""
    winner, loser = org.account(80), org.account(80)
    case = org.case(loser)
    org.sync()
    (escalation,) = org.crm.rows("Escalation")
    org.crm.delete("Account", loser, merged_into=winner)
    org.edit("Case", case, AccountId=winner)
    org.edit("Escalation", escalation["id"], Account=winner)
    org.sync()
    assert len(org.crm.rows("Escalation")) == 1
    assert org.shown(winner)["HOpen"] == 1
    org.edit("Case", case, IsClosed=True)
    org.sync()
    assert org.crm.rows("Escalation")[0]["Status"] == "Resolved"
    assert org.sync().outcomes == {}


def test_a_late_commit_is_seen(org: Org) -> None:
    """A row that becomes visible after later ones were read is not missed."""
    account = org.account(80)
    org.account(90)
    held = org.crm.put(
        "Case",
        {
            "AccountId": account,
            "Priority": "High",
            "IsClosed": False,
            "CreatedDate": org.ago(days=9),
        },
        held=True,
    )
    org.sync()
    org.pass_time(hours=1)
    org.case(org.account(70), Priority="Low")
    org.sync()
    assert org.crm.release() == [held]
    org.pass_time(hours=1)
    org.sync()
    assert [row["Account"] for row in org.crm.rows("Escalation")] == [account]


def test_rows_that_vanish_without_a_trace_are_found_within_a_week(org: Org) -> None:
    """The weekly check of ids removes what no delete told of."""
    account = org.account(80)
    for _ in range(9):
        org.case(account, Priority="Low")
    case = org.case(account)
    org.sync()
    org.crm.purge("Case", case)
    org.days(6)
    assert org.crm.rows("Escalation")[0]["Status"] == "Open"
    # The check comes last in a run; the next run draws the conclusions.
    org.days(2)
    assert org.crm.rows("Escalation")[0]["Status"] == "Resolved"


def test_an_account_that_stops_being_a_customer_is_frozen(org: Org) -> None:
    """Its fields stay as they stand."""
    account = org.account(80)
    org.sync()
    shown = dict(org.shown(account))
    org.edit("Account", account, Type="Prospect", Given=10.0)
    assert org.sync().outcomes == {}
    now = org.shown(account)
    assert {k: v for k, v in now.items() if k.startswith("H")} == {
        k: v for k, v in shown.items() if k.startswith("H")
    }


def test_a_book_without_customers_is_no_error(org: Org) -> None:
    """Neither without accounts, nor with prospects only."""
    assert org.perform()[1] == 0
    org.account(80, Type="Prospect")
    report, code = org.perform()
    assert (report.accounts, report.customers, org.plan(report).height, code) == (1, 0, 0, 0)
    one = org.account(80)
    org.sync()
    assert org.shown(one)["HScore"] == 80


def test_accounts_without_evidence_are_unknown(org: Org) -> None:
    """Unknown is not green: no score, and the band says so; nothing to write again."""
    account = org.account(None)
    org.sync()
    shown = org.shown(account)
    assert (shown["HScore"], shown["HBand"]) == (None, "Unknown")
    assert org.sync().outcomes == {}
    for report in org.days(3):
        assert org.plan(report).height <= 1


@pytest.mark.parametrize(
    "odd", ["a:b", "it's", "001 x", "ümlaut|#", 'quote"back\\slash', "ch1:x:late:9", "%_"]
)
def test_odd_ids_go_through(org: Org, odd: str) -> None:
    """Whatever an id is made of, a second sync finds what the first one made."""
    org.account(80, id=odd)
    org.case(odd)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", odd, Given=40.0)
    org.sync()
    assert (len(org.crm.rows("Task")), len(org.crm.rows("Escalation"))) == (1, 1)
    assert org.sync().outcomes == {}
    org.reset_state()
    assert org.sync().outcomes == {}


# -- lost answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        *((Fault.LOST, call) for call in range(4)),
        (Fault.GARBLED, 1),
        (Fault.UNAVAILABLE, 1),
        (Fault.RATE_LIMITED, 2),
    ],
)
def test_a_write_that_fails_leaves_no_double(org: Org, fault: Fault, call: int) -> None:
    """Whichever write goes wrong for good, the next sync converges and the one after is quiet."""
    account = org.account(80)
    other = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.case(other)
    org.crm.fail_next(fault, 4, kind="write", after=call)
    report, code = org.perform()
    if call < 3:
        assert code == 3
        assert {"unknown", "retry"} & set(report.outcomes)
    org.crm.heal()
    org.sync()
    assert (len(org.crm.rows("Task")), len(org.crm.rows("Escalation"))) == (1, 1)
    assert len(org.crm.rows("Episode")) == 1
    assert org.shown(account)["HScore"] == 50
    assert org.sync().outcomes == {}


def test_a_crash_between_task_and_clearing_is_made_good(org: Org) -> None:
    """Where the episode is over but its task still open, the task closes later."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    org.edit("Account", account, Given=90.0)
    org.crm.locks[("Task", org.crm.rows("Task")[0]["id"])] = 99
    org.weeks(2)
    assert org.crm.rows("Episode")[0]["Cleared"] is not None
    assert org.crm.rows("Task")[0]["Status"] == "Not Started"
    org.crm.heal()
    org.sync()
    assert org.crm.rows("Task")[0]["Status"] == "Completed"
    assert org.sync().outcomes == {}
