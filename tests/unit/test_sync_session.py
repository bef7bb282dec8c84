"""A run from lock to receipt: guards, approval, exit codes, and what its row says."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org, config

from crm_health import errors
from crm_health.store import Run


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


@pytest.fixture
def live(tmp_path: Path) -> Org:
    """An org where guards hold: no test org."""
    org = Org(tmp_path)
    org.crm.is_sandbox = False
    return org


def last(org: Org) -> Run:
    return org.store.runs.list(1)[0]


def writes(org: Org) -> int:
    return org.crm.calls.count("write")


def late(org: Org, count: int) -> list[str]:
    """So many customers with a case past its SLA, synced before it was."""
    ids = org.book(count)
    org.sync()
    org.pass_time(hours=1)
    return [org.case(account) for account in ids]


# -- dry run ---------------------------------------------------------------------------------------


def test_a_dry_run_writes_and_clears_nothing(org: Org) -> None:
    """It shows what a sync would do, and the sync then does just that."""
    org.book(5)
    before = org.crm.writes
    report, code = org.perform(dry_run=True)
    assert (code, org.plan(report).height, org.crm.writes, writes(org)) == (0, 5, before, 0)
    assert report.outcomes == {"planned": 5}
    assert last(org).kind == "plan"
    again = org.sync(dry_run=True)
    assert org.plan(again).equals(org.plan(report))
    assert org.sync().outcomes == {"done": 5}
    org.pass_time(hours=1)
    account = org.account(20)
    assert org.plan(org.sync(dry_run=True))["account_id"].to_list() == [account]
    assert org.plan(org.sync())["account_id"].to_list() == [account]


def test_the_calls_a_plan_needs_are_told(org: Org) -> None:
    """As many as writing it then makes."""
    org.batch = 4
    for account in org.book(9):
        org.case(account)
    needed = org.sync(dry_run=True).calls_needed
    org.sync()
    assert needed == writes(org) == 6


# -- guards ----------------------------------------------------------------------------------------


def test_too_many_new_escalations_stop_before_writing(live: Org) -> None:
    """Nothing is written, the run says why, and the plan waits."""
    late(live, 11)
    before = live.crm.writes
    report, code = live.perform()
    assert (code, live.crm.writes) == (4, before)
    assert report.stops == ["11 new tasks and escalations (limit 10)"]
    assert report.outcomes == {"held": 22}
    run = last(live)
    assert (run.outcome, run.exit_code, run.message) == ("held", 4, report.stops[0])
    assert live.perform()[1] == 4


def test_ten_new_ones_pass(live: Org) -> None:
    """The limit itself is allowed."""
    late(live, 10)
    assert live.perform()[1] == 0


def test_an_approved_plan_is_applied_once(live: Org) -> None:
    """Even minutes later; then everything is said, and the approval is used up."""
    late(live, 11)
    held = live.sync().run.id
    live.pass_time(minutes=17)
    report, code = live.perform(approve=held)
    assert (code, report.outcomes) == (0, {"done": 22})
    assert len(live.crm.rows("Escalation")) == 11
    assert live.sync().outcomes == {}
    with pytest.raises(errors.GuardStopped, match="already applied"):
        live.sync(approve=held)
    assert last(live).exit_code == 4


def test_approval_covers_what_the_crm_refused_before(live: Org) -> None:
    """Held once more, this time with what was refused, it is written when a person says so."""
    late(live, 11)
    for account in {row["AccountId"] for row in live.crm.rows("Case")}:
        live.crm.refusals[("Escalation", f"ch1:{account}:late:1")] = ("VALIDATION", "", "no")
    first = live.sync().run.id
    assert live.sync(approve=first).outcomes == {"done": 11, "rejected": 11}
    live.crm.heal()
    held = live.sync(full=True)
    assert held.outcomes == {"held": 11}
    assert live.sync(approve=held.run.id).outcomes == {"done": 11}


def test_approval_covers_unchanged_rows_only(live: Org) -> None:
    """What is new or different since then waits for an ordinary run."""
    cases = late(live, 12)
    held = live.sync().run.id
    live.edit("Case", cases[0], IsClosed=True)
    other = live.account(80)
    live.case(other)
    live.sync(approve=held)
    opened = {row["Account"] for row in live.crm.rows("Escalation")}
    assert len(opened) == 11
    assert other not in opened
    live.sync()
    assert other in {row["Account"] for row in live.crm.rows("Escalation")}


@pytest.mark.parametrize("wrong", ["nothing", "expired", "another"])
def test_a_wrong_approval_does_nothing(live: Org, wrong: str) -> None:
    """No write, and what shrank is not taken as gone on the way."""
    late(live, 11)
    other = live.sync().run.id
    for row in live.crm.rows("Usage"):
        live.crm.purge("Usage", row["id"])
    count = live.store.mirror.count("usage")
    held = live.sync(full=True)
    assert any(stop.startswith("Usage: only 0 of 11") for stop in held.stops)
    if wrong == "expired":
        live.pass_time(hours=24)
    before = live.crm.writes
    if wrong == "another":
        # A plan that was held for something else says nothing about this.
        live.sync(approve=other)
    else:
        with pytest.raises(errors.GuardStopped):
            live.sync(approve=held.run.id if wrong == "expired" else "0123456789ab", full=True)
        assert live.crm.writes == before
    assert live.store.mirror.count("usage") == count


def test_approval_of_what_another_configuration_planned_is_refused(live: Org) -> None:
    """The model changed while the plan waited: no call is made, and the message says what to do."""
    late(live, 11)
    held = live.sync().run.id
    before = live.config
    live.config = config(model={"bands": [{"name": "red", "below": 60}, {"name": "green"}]})
    calls = len(live.crm.calls)
    with pytest.raises(errors.GuardStopped, match=r"changed since plan .* `crm-health sync` again"):
        live.sync(approve=held)
    assert len(live.crm.calls) == calls
    live.config = before
    assert live.sync(approve=held).outcomes == {"done": 22}


def test_an_approval_under_which_nothing_is_left_says_so(live: Org) -> None:
    """What was held is not wanted any more: nothing is written, and how many rows there were."""
    cases = late(live, 11)
    held = live.sync().run.id
    for case in cases:
        live.edit("Case", case, IsClosed=True)
    report, code = live.perform(approve=held)
    assert (code, report.outcomes, report.approved) == (0, {}, 22)


def test_a_source_that_shrank_stops(live: Org) -> None:
    """What is not seen is not gone: nothing closes, nothing is removed, until a person says so."""
    for account in live.book(10):
        live.case(account)
    live.sync(approve=None)
    held = live.sync()
    assert held.stops == []
    for row in live.crm.rows("Case")[:6]:
        live.crm.purge("Case", row["id"])
    report, code = live.perform(full=True)
    assert code == 4
    assert "Case: only 8 of 14 records are visible" in report.stops[0]
    assert live.store.mirror.count("case") == 14
    assert live.perform()[1] == 4
    live.sync(approve=last(live).id)
    assert live.store.mirror.count("case") == 8


def test_many_scores_that_move_far_stop(live: Org) -> None:
    """A change of the model, or a broken source, is looked at by a person."""
    ids = live.book(20)
    live.sync()
    live.pass_time(hours=1)
    for account in ids[:5]:
        live.edit("Account", account, Given=10.0)
    before = live.crm.writes
    assert live.sync(dry_run=True).stops == []
    live.edit("Account", ids[5], Given=10.0)
    report, code = live.perform()
    assert (code, live.crm.writes) == (4, before)
    assert report.stops == ["6 of 20 scored accounts move by more than 25 points (limit 20 %)"]


def test_a_changed_model_moves_everybody_at_once(live: Org) -> None:
    """The same day: all accounts are assessed again, and the guard speaks."""
    for number in range(6):
        live.account(100, Second=40.0 + number)
    live.sync()
    weights = [{"name": "standard", "weights": {"given": 1, "second": 99}}]
    live.config = config(model={"models": weights})
    live.pass_time(hours=1)
    report, code = live.perform()
    assert (report.assessed, code) == (6, 4)


def test_test_orgs_are_approved_beforehand(org: Org) -> None:
    """Guards hold nothing in a sandbox."""
    late(org, 20)
    for row in org.crm.rows("Usage"):
        org.crm.purge("Usage", row["id"])
    report, code = org.perform(full=True)
    assert (code, report.stops) == (0, [])
    assert org.store.mirror.count("usage") == 0
    assert org.sync().outcomes == {}
