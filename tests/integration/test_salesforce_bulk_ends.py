"""Ingest jobs that end in the middle: what is left of them, and what the next run does with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bulk_org import ENDED, Job, named, names, outcomes, states
from salesforce_org import ESCALATION, accounts, escalations

from connectors.salesforce.bulk_ingest import CALLS, Ingest
from connectors.salesforce.connector import SalesforceConnector
from connectors.sandbox.handle import Sandbox
from crm_health.errors import QuotaExhausted, Unavailable
from crm_health.testing.ports import MemoryNotes, make_ports


class Killed(BaseException):
    """Stands for `kill -9`: nobody catches it."""


def killed_at(connector: SalesforceConnector, call: int, *, after: bool) -> None:
    """Let the connector's n-th request, from now on, be its last."""
    http = connector._client._http
    send, made = http.request, 0

    def request(*args: Any, **kwargs: Any) -> Any:
        nonlocal made
        made += 1
        if made == call and not after:
            raise Killed
        answer = send(*args, **kwargs)
        if made == call:
            raise Killed
        return answer

    http.request = request  # type: ignore[method-assign]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, CALLS + 2))
def test_a_kill_at_any_step_leaves_no_job(owned: Sandbox, job: Job, call: int, after: bool) -> None:
    """The next run ends what was under way, and writes to the same end."""
    batch = escalations(["k1", "k2", "k3"], "a")
    notes = MemoryNotes()
    dying = job(make_ports(notes=notes))
    killed_at(dying, call, after=after)
    with pytest.raises(Killed):
        dying.write(batch)
    heir = job(make_ports(notes=notes))
    heir.settle()
    assert set(states(owned)) <= ENDED
    assert notes.texts == {}
    assert outcomes(heir.write(batch)) == ["done"] * 3
    assert sorted(row["Health_Key__c"] for row in owned.records(ESCALATION)) == ["k1", "k2", "k3"]


@pytest.mark.parametrize("calls", range(CALLS + 1))
def test_a_budget_that_ends_midway_loses_nothing(sandbox: Sandbox, job: Job, calls: int) -> None:
    """Either nothing was carried out, or each row has a receipt that claims no more than is so."""
    ids = accounts(sandbox, 4)
    notes = MemoryNotes()
    ports = make_ports(notes=notes)
    connector = job(ports)
    ports.budget.max_calls = ports.budget.spent + calls
    try:
        found = set(outcomes(connector.write(named(ids))))
    except QuotaExhausted:
        found = set()
        assert "new" not in names(sandbox).values()
    # Receipts don't tell why: the run must be able to.
    assert connector.usage().exhausted == (calls < CALLS)
    assert found == ({"done"} if calls == CALLS else {"unknown"} if calls > 1 else set())
    heir = job(make_ports(notes=notes))
    heir.settle()
    assert set(states(sandbox)) <= ENDED
    assert outcomes(heir.write(named(ids))) == ["done"] * 4


def test_a_run_that_is_to_end_begins_no_further_job(sandbox: Sandbox, job: Job) -> None:
    """The job under way goes on, and its rows are unknown; the batch's others were not sent."""
    ids = accounts(sandbox, 20)
    sandbox.faults({"kind": "job_hangs", "path": "jobs/ingest"})

    def stopping() -> None:
        if len(sandbox.jobs()) == 1 and states(sandbox) != ["Open"]:
            raise Unavailable("stopped")

    connector = job(replace(make_ports(), stopping=stopping))
    connector._writer._ingest = Ingest(connector._client, 3, upload_max=1_500)
    receipts = connector.write(named(ids, "y" * 99))
    assert len(states(sandbox)) == 1
    assert set(outcomes(receipts[:10])) == {"unknown"}
    assert set(outcomes(receipts)) == {"unknown", "retry"}
    assert "collections" not in connector.usage().by_kind
    with pytest.raises(Unavailable):
        connector.write(named(ids))
    assert len(states(sandbox)) == 1


def test_settling_costs_nothing_where_nothing_was_left(sandbox: Sandbox, job: Job) -> None:
    """No note, no call."""
    connector = job()
    before = connector.usage().calls
    connector.settle()
    assert connector.usage().calls == before


def test_settling_waits_for_a_job_that_was_closed(sandbox: Sandbox, job: Job) -> None:
    """So that the read that follows meets no change of ours that is still to come."""
    ids = accounts(sandbox, 4)
    notes = MemoryNotes()
    dying = job(make_ports(notes=notes))
    sandbox.faults({"kind": "job_slow", "polls": 5, "path": "jobs/ingest"})
    killed_at(dying, 4, after=True)
    with pytest.raises(Killed):
        dying.write(named(ids))
    assert states(sandbox)[0] not in ENDED
    job(make_ports(notes=notes)).settle()
    assert states(sandbox) == ["JobComplete"]
    assert set(names(sandbox).values()) == {"new"}


def test_settling_stops_a_job_that_never_ends(sandbox: Sandbox, job: Job) -> None:
    """At the same deadline as the run that made it."""
    ids = accounts(sandbox, 4)
    notes = MemoryNotes()
    dying = job(make_ports(notes=notes))
    sandbox.faults({"kind": "job_hangs", "path": "jobs/ingest"})
    killed_at(dying, 4, after=True)
    with pytest.raises(Killed):
        dying.write(named(ids))
    job(make_ports(notes=notes)).settle()
    assert states(sandbox) == ["Aborted"]
    assert notes.texts == {}


def test_a_job_that_can_not_be_reached_is_kept_in_mind(sandbox: Sandbox, job: Job) -> None:
    """While the service is down the run ends; once the job is gone it is forgotten."""
    ids = accounts(sandbox, 4)
    notes = MemoryNotes()
    dying = job(make_ports(notes=notes))
    killed_at(dying, 2, after=True)
    with pytest.raises(Killed):
        dying.write(named(ids))
    sandbox.faults({"kind": "unavailable", "path": "jobs/ingest", "times": 0})
    heir = job(make_ports(notes=notes))
    with pytest.raises(Unavailable):
        heir.settle()
    assert notes.texts
    sandbox.clear_faults()
    sandbox.faults(
        {"kind": "status", "status": 404, "code": "NOT_FOUND", "path": "jobs/ingest", "times": 0}
    )
    heir.settle()
    assert notes.texts == {}
