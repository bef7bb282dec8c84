"""Whole syncs on the in-memory CRM."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sync_kit import Org

from crm_health.testing.memory_crm import Fault


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def test_a_second_sync_writes_nothing(org: Org) -> None:
    """Fields appear on every customer, and the second sync has nothing left to write."""
    ids = org.book()
    report, code = org.perform()
    assert code == 0
    assert report.outcomes == {"done": 30}
    for account in ids:
        shown = org.shown(account)
        assert shown["HScore"] == shown["Given"]
        assert shown["HBand"] == "Green"
        assert shown["HMemory"].startswith("ch1|b=green|s=2026-03-02|")
    before, calls = org.crm.writes, len(org.crm.calls)
    report, code = org.perform()
    assert (code, report.outcomes, org.crm.writes) == (0, {}, before)
    assert "write" not in org.crm.calls[calls:]


def test_a_small_change_writes_one_account(org: Org) -> None:
    """Only who changed is assessed and written; one point is not worth a write."""
    ids = org.book()
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", ids[3], Given=org.shown(ids[3])["Given"] + 1)
    org.edit("Account", ids[4], Given=org.shown(ids[4])["Given"] + 2)
    report = org.sync()
    assert report.assessed == 2
    assert report.plan.select("kind", "account_id").rows() == [("fields", ids[4])]
    assert org.sync().outcomes == {}


def test_a_quiet_day_writes_next_to_nothing(org: Org) -> None:
    """Days without a change bring at most the refresh of weekly scores."""
    org.book()
    org.sync()
    for report in org.days(4):
        assert report.assessed == 30
        assert report.plan.height <= 2
        assert org.sync().outcomes == {}


def test_a_fall_opens_one_task_that_closes_by_itself(org: Org) -> None:
    """A steady drop gives the owner a task; when the band is green again ours closes."""
    account, _ = org.account(80), org.account(85)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    report = org.sync()
    assert sorted(report.plan["kind"]) == ["fields", "task"]
    (task,) = org.crm.rows("Task")
    key = f"ch1:{account}:dropped:1"
    assert task["HKey"].startswith(f"{key}#")
    assert (task["OwnerId"], task["WhatId"], task["Status"]) == (org.owner, account, "Not Started")
    assert task["Subject"] == "Acme: health is now red"
    assert task["Priority"] == "Normal"
    (episode,) = org.crm.rows("Episode")
    assert episode["Key"] == key
    for _ in range(2):
        assert org.sync().outcomes == {}
    org.edit("Account", account, Given=90.0)
    org.weeks(2)
    assert org.shown(account)["HBand"] == "Green"
    (task,) = org.crm.rows("Task")
    assert task["Status"] == "Completed"
    assert org.crm.rows("Episode")[0]["Cleared"] is not None
    assert org.sync().outcomes == {}


def test_a_touched_task_is_left_alone(org: Org) -> None:
    """A person's change of subject, owner, date or status makes the task theirs."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    (task,) = org.crm.rows("Task")
    org.edit("Task", task["id"], Subject="I am on it")
    org.edit("Account", account, Given=90.0)
    org.weeks(2)
    (task,) = org.crm.rows("Task")
    assert (task["Subject"], task["Status"]) == ("I am on it", "Not Started")
    assert org.crm.rows("Episode")[0]["Cleared"] is not None


def test_a_deleted_task_is_not_made_again(org: Org) -> None:
    """A person took it away: the episode says that it was there."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    org.crm.delete("Task", org.crm.rows("Task")[0]["id"])
    org.days(3)
    org.reset_state()
    org.sync()
    assert org.crm.rows("Task") == []


def test_what_held_at_the_first_sync_gets_no_task(org: Org) -> None:
    """But an escalation that can't wait opens at once."""
    low, late = org.account(30), org.account(80)
    org.case(late)
    org.sync()
    assert org.crm.rows("Task") == []
    (escalation,) = org.crm.rows("Escalation")
    assert escalation["Account"] == late
    assert escalation["Key"] == f"ch1:{late}:late:1"
    assert org.shown(late)["HOpen"] == 1
    assert org.shown(low)["HOpen"] == 0
    assert org.sync().outcomes == {}


def test_an_escalation_opens_by_the_clock_and_resolves(org: Org) -> None:
    """No record changes: the SLA passes, at the very minute too."""
    account = org.account(80)
    org.account(85)
    case = org.case(account, Due=org.crm.clock.now() + timedelta(hours=2))
    org.sync()
    assert org.crm.rows("Escalation") == []
    org.pass_time(hours=2)
    report = org.sync()
    assert (report.assessed, org.crm.rows("Escalation")) == (1, [])
    org.pass_time(minutes=1)
    assert org.sync().assessed == 1
    (escalation,) = org.crm.rows("Escalation")
    assert escalation["Status"] == "Open"
    assert escalation["Source"] == "rule"
    # Monday 11:01 and sixteen business hours.
    assert escalation["Due"] == datetime(2026, 3, 4, 11, 1, tzinfo=UTC)
    assert org.sync().outcomes == {}
    org.pass_time(hours=1)
    org.edit("Case", case, IsClosed=True)
    report = org.sync()
    assert sorted(report.plan["kind"]) == ["close_escalation", "fields"]
    (escalation,) = org.crm.rows("Escalation")
    assert (escalation["Status"], org.shown(account)["HOpen"]) == ("Resolved", 0)
    assert escalation["Resolved"] == org.crm.clock.now()
    assert org.sync().outcomes == {}


def test_what_a_person_closed_stays_closed_until_it_came_back(org: Org) -> None:
    """Not reopened while the cause goes on; a new one after it was over and had cooled down."""
    account = org.account(80)
    case = org.case(account)
    org.sync()
    (escalation,) = org.crm.rows("Escalation")
    org.edit("Escalation", escalation["id"], Status="Declined")
    org.days(4)
    assert len(org.crm.rows("Escalation")) == 1
    org.edit("Case", case, IsClosed=True)
    org.days(1)
    (escalation,) = org.crm.rows("Escalation")
    assert escalation["Status"] == "Declined"
    assert escalation["Cleared"] is not None
    org.edit("Case", case, IsClosed=False)
    org.days(2)
    assert len(org.crm.rows("Escalation")) == 1
    org.days(2)
    keys = sorted(row["Key"] for row in org.crm.rows("Escalation"))
    assert keys == [f"ch1:{account}:late:1", f"ch1:{account}:late:2"]


def test_a_touched_escalation_is_cleared_and_not_resolved(org: Org) -> None:
    """Its cause is noted as over; closing it is the person's."""
    account = org.account(80)
    case = org.case(account)
    org.sync()
    (escalation,) = org.crm.rows("Escalation")
    org.edit("Escalation", escalation["id"], Severity="S2")
    org.edit("Case", case, IsClosed=True)
    report = org.sync()
    assert report.plan["kind"].to_list() == ["clear_escalation"]
    (escalation,) = org.crm.rows("Escalation")
    assert (escalation["Status"], org.shown(account)["HOpen"]) == ("Open", 1)
    assert org.sync().outcomes == {}


@pytest.mark.parametrize("kept", [True, False])
def test_losing_the_state_writes_nothing_twice(org: Org, *, kept: bool) -> None:
    """After the local database is gone, a sync finds everything said already."""
    org.book(12)
    account = org.account(80)
    org.case(org.account(80))
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, Given=50.0)
    org.sync()
    before = org.crm.writes
    if not kept:
        org.reset_state()
    assert org.sync().outcomes == {}
    assert org.crm.writes == before
    assert len(org.crm.rows("Task")) == len(org.crm.rows("Escalation")) == 1


# -- people's edits --------------------------------------------------------------------------------


def test_an_edited_band_is_put_back_and_reported(org: Org) -> None:
    """Ours is ours; the report says who said what."""
    account = org.account(80)
    org.sync()
    org.edit("Account", account, HBand="Red")
    report = org.sync()
    assert report.edits.rows() == [(account, "band", "Red")]
    assert org.shown(account)["HBand"] == "Green"
    assert "puts back a person's edit" in report.plan["why"][0]
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
    """It is taken, reported once, kept for thirty days, and ends by itself."""
    account = org.account(80)
    org.sync()
    org.pass_time(hours=1)
    org.edit("Account", account, HScore=95.0)
    report = org.sync()
    assert report.edits["output"].to_list() == ["score"]
    assert org.shown(account)["HScore"] == 95
    for days in (1, 20, 8):
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


# -- what the CRM does -----------------------------------------------------------------------------


def test_deleted_rows_count_no_more(org: Org) -> None:
    """A deleted case closes its escalation; a deleted account is left alone."""
    account, gone = org.account(80), org.account(80)
    case = org.case(account)
    org.sync()
    org.crm.delete("Case", case)
    org.crm.delete("Account", gone)
    report = org.sync()
    assert report.customers == 2 and report.accounts == 1
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
    org.days(1)
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
    assert (report.accounts, report.customers, report.plan.height, code) == (1, 0, 0, 0)
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
        assert report.plan.height <= 1


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
    [(Fault.LOST, 0), (Fault.LOST, 1), (Fault.LOST, 2), (Fault.LOST, 3)]
    + [(Fault.GARBLED, 1), (Fault.UNAVAILABLE, 1), (Fault.RATE_LIMITED, 2)],
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
