"""How runs end: refusals, exit codes and truthful rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from databases import located
from sync_kit import Org

from crm_health import errors
from crm_health.connector import Batch, Connector, Notes, Usage
from crm_health.store import Run, Store
from crm_health.sync import population
from crm_health.sync.options import Options
from crm_health.sync.session import perform
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import Fault
from crm_health.testing.ports import make_ports


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def last(org: Org) -> Run:
    return org.store.runs.list(1)[0]


def writes(org: Org) -> int:
    return org.crm.calls.count("write")


# -- refusals --------------------------------------------------------------------------------------


def test_what_was_refused_is_not_sent_again_for_a_day(org: Org) -> None:
    """The others go on; the refusal shows; a day later it is tried once more."""
    ids = org.book(3)
    bad = ids[1]
    org.crm.refusals[("Account", bad)] = ("VALIDATION", "HWhy", "no")
    report, code = org.perform()
    assert (code, report.outcomes) == (3, {"done": 2, "rejected": 1})
    assert (last(org).outcome, last(org).exit_code) == ("partial", 3)
    before = writes(org)
    org.pass_time(hours=1)
    report, code = org.perform()
    assert (code, report.refused, report.outcomes) == (3, 1, {})
    assert writes(org) == before
    # Who asks for everything gets another try.
    assert org.perform(full=True)[0].outcomes == {"rejected": 1}
    org.crm.heal()
    org.pass_time(days=1, hours=1)
    assert org.sync().outcomes == {"done": 1}
    assert org.shown(bad)["HScore"] is not None


def test_a_refused_escalation_is_not_repeated_by_the_clock(org: Org) -> None:
    """Its due date moves with every minute: that makes it no other request."""
    account = org.account(80)
    org.case(account)
    org.crm.refusals[("Escalation", f"ch1:{account}:late:1")] = ("VALIDATION", "", "no")
    assert org.perform()[1] == 3
    before = writes(org)
    org.pass_time(minutes=30)
    report, code = org.perform()
    assert (code, report.refused, writes(org)) == (3, 1, before)


def test_locked_rows_come_again_by_themselves(org: Org) -> None:
    """A passing cause is retried in the next run, though nothing changed."""
    account = org.account(80)
    org.crm.locks[("Account", account)] = 1
    report, code = org.perform()
    assert (code, report.outcomes) == (3, {"retry": 1})
    report, code = org.perform()
    assert (code, report.outcomes) == (0, {"done": 1})


def test_a_record_that_is_gone_is_no_failure(org: Org) -> None:
    """Deleted between our read and our write: there is nobody to tell."""
    account, other = org.account(80), org.account(80)

    def tick(phase: str, _: int) -> None:
        if phase == "assess" and not org.crm.tables["Account"].rows[account].deleted:
            org.crm.delete("Account", account)

    report, code = org.perform(tick=tick)
    assert (code, report.outcomes) == (0, {"done": 1, "gone": 1})
    assert org.shown(other)["HScore"] == 80
    assert org.sync().outcomes == {}


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "error", "code", "outcome"),
    [
        (Fault.LOGIN_REFUSED, "identity", errors.AuthError, 77, "failed"),
        (Fault.LOGIN_REFUSED, "write", errors.AuthError, 77, "failed"),
        (Fault.UNAVAILABLE, "identity", errors.Unavailable, 75, "failed"),
        (Fault.UNAVAILABLE, "read", errors.Unavailable, 75, "failed"),
        (Fault.RATE_LIMITED, "describe", errors.RateLimited, 75, "failed"),
        (Fault.QUOTA, "read", errors.QuotaExhausted, 6, "quota"),
        (Fault.QUOTA, "write", errors.QuotaExhausted, 6, "quota"),
    ],
)
def test_a_run_that_fails_says_so(
    org: Org, fault: Fault, kind: str, error: type[errors.CrmHealthError], code: int, outcome: str
) -> None:
    """The error reaches the caller, its row is truthful, and the next run makes it good."""
    org.book(5)
    org.crm.fail_next(fault, 9, kind=kind)
    with pytest.raises(error) as raised:
        org.sync()
    run = last(org)
    assert raised.value.exit_code == code
    assert (run.exit_code, run.outcome, run.message) == (code, outcome, raised.value.message)
    assert sum(run.calls.values()) == len(org.crm.calls)
    org.crm.heal()
    assert org.sync().outcomes == {"done": 5}
    assert org.sync().outcomes == {}


def test_a_budget_ends_the_run_and_the_next_goes_on(org: Org) -> None:
    """No more calls than allowed; nothing is lost, nothing is written twice."""
    org.batch = 2
    ids = org.book(6)
    org.max_calls = 11
    with pytest.raises(errors.QuotaExhausted):
        org.sync()
    assert len(org.crm.calls) <= 11
    assert (last(org).outcome, last(org).exit_code) == ("quota", 6)
    org.max_calls = None
    org.sync()
    assert all(org.shown(account)["HScore"] for account in ids)
    assert org.sync().outcomes == {}


@pytest.mark.parametrize(
    ("last_is", "spent", "code"),
    [("retry", True, 6), ("unknown", True, 6), ("retry", False, 3), ("done", True, 0)],
)
def test_a_budget_that_ends_inside_the_last_batch_ends_the_run(
    org: Org, last_is: str, spent: bool, code: int
) -> None:
    """Its receipts are kept; the run says that the rest follows when calls are left."""

    class Short(InMemoryConnector):
        def write(self, batch: Batch) -> pl.DataFrame:
            outcome = pl.Series("outcome", ["done"] * (batch.rows.height - 1) + [last_is])
            return super().write(batch).with_columns(outcome)

        def usage(self) -> Usage:
            return replace(super().usage(), exhausted=spent)

    org.book(5)
    ports = make_ports(org.crm.clock)
    found = 0
    try:
        _, found = perform(
            lambda notes: Short(org.crm, replace(ports, notes=notes), batch=200),
            org.store, org.config, Options(), org.crm.clock.now,
        )  # fmt: skip
    except errors.QuotaExhausted as error:
        found = error.exit_code
        assert "the rest follows" in last(org).message
    assert (found, last(org).exit_code) == (code, code)
    states = org.store.plans.counts(last(org).id)
    assert states == ({"done": 5} if last_is == "done" else {"done": 4, last_is: 1})
    org.sync()
    assert org.sync().outcomes == {}


def test_a_stop_ends_between_batches(org: Org) -> None:
    """What is pending follows in the next run."""
    org.batch = 2
    org.book(6)
    with pytest.raises(errors.CrmHealthError) as raised:
        org.sync(stopping=lambda: writes(org) >= 1)
    assert raised.value.exit_code == 143
    assert (writes(org), last(org).outcome) == (1, "stopped")
    assert org.sync().outcomes == {"done": 4}


def test_another_run_of_the_org_makes_no_call(org: Org) -> None:
    """Busy is said at once, before the CRM is asked anything."""
    org.book(2)
    other = Store.open(located(org.folder / "org.db"))
    run = other.runs.start(
        org_id="",
        as_of=org.crm.clock.now(),
        now=org.crm.clock.now(),
        digest="",
        kind="sync",
    )
    with pytest.raises(errors.Busy):
        org.sync()
    assert org.crm.calls == []
    other.runs.finish(run, outcome="done", exit_code=0, counts={}, calls={})
    assert org.sync().outcomes == {"done": 2}


def test_a_run_that_was_overtaken_stops(org: Org) -> None:
    """Before its next batch it sees that another one has begun."""
    org.batch = 1
    org.book(3)

    def tick(phase: str, _: int) -> None:
        if phase == "fields":
            org.store.runs.release()
            other.runs.start(
                org_id="ORG1",
                as_of=org.crm.clock.now(),
                now=org.crm.clock.now(),
                digest="",
                kind="sync",
            )

    other = Store.open(located(org.folder / "org.db"))
    with pytest.raises(errors.LeaseLost):
        org.sync(tick=tick)
    assert writes(org) == 1
    other.close()


def test_a_state_of_another_org_is_refused(org: Org) -> None:
    """Before a row is read, let alone written."""
    org.book(2)
    org.sync()
    before = org.crm.writes
    org.crm.org_id = "ORG2"
    reads = org.crm.calls.count("read")
    with pytest.raises(errors.WrongOrgError):
        org.sync()
    assert (org.crm.writes, org.crm.calls.count("read")) == (before, reads)
    assert last(org).exit_code == 78


def test_a_missing_field_is_named_before_anything_is_read(org: Org) -> None:
    """One error names all that lacks."""
    del org.crm.tables["Account"].info.fields["HWhy"]  # type: ignore[attr-defined] # a test's hand
    del org.crm.tables["Episode"]
    with pytest.raises(errors.SetupError, match=r"Account\.HWhy, Episode"):
        org.sync()
    assert "read" not in org.crm.calls
    assert last(org).exit_code == 78


def test_a_connector_that_can_not_be_made_leaves_a_row(org: Org) -> None:
    """And lets go of the org."""

    def connect(notes: Notes) -> Connector:
        raise errors.ConfigError("no credentials")

    with pytest.raises(errors.ConfigError):
        perform(connect, org.store, org.config, Options(), org.crm.clock.now)
    assert (last(org).exit_code, last(org).message) == (78, "no credentials")
    org.account(80)
    assert org.sync().outcomes == {"done": 1}


def test_an_unexpected_error_leaves_a_row(org: Org) -> None:
    """A bug ends the run as failed; the org is free again."""
    org.account(80)

    def tick(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        org.sync(tick=tick)
    assert (last(org).outcome, last(org).exit_code) == ("failed", 1)
    assert org.sync().outcomes == {"done": 1}


def test_a_good_run_counts_what_it_did(org: Org) -> None:
    """Accounts, rows and calls stand in its row."""
    org.book(4)
    org.account(80, Type="Prospect")
    org.sync()
    run = last(org)
    assert (run.outcome, run.exit_code, run.finished_at is not None) == ("done", 0, True)
    assert run.counts["accounts"] == 5
    assert run.counts["customers"] == run.counts["assessed"] == run.counts["plan_done"] == 4
    assert sum(run.calls.values()) == len(org.crm.calls)
    assert run.started_at - org.crm.clock.now() < timedelta(seconds=1)


def test_a_run_that_dies_while_drafting_leaves_no_plan(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had derived so far is nobody's plan; the next run derives and writes all of it."""
    monkeypatch.setattr(population, "ACCOUNTS_AT_ONCE", 2)
    org.book(9)
    parts = []

    def tick(phase: str, rows: int) -> None:
        if phase == "assess":
            parts.append(rows)
            if len(parts) == 2:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        org.sync(tick=tick)
    died = last(org)
    assert org.store.drafts.kinds(died) == {"fields": sum(parts)}
    assert org.store.plans.counts(died.id) == {}
    assert org.sync().outcomes == {"done": 9}
    assert org.store.drafts.kinds(died) == {}
    assert org.sync().outcomes == {}
