"""Writing by ingest jobs over real HTTP: what a job says of each row, and what it leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from bulk_org import Job, named, names, outcomes, states
from salesforce_org import ESCALATION, accounts, by_seq, creates, escalations, updates

from connectors.salesforce.bulk_ingest import CALLS, JOB_ROWS, Ingest
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Op
from crm_health.errors import SetupError
from crm_health.testing.ports import Log, make_ports

# -- the way it should go -------------------------------------------------------------------------


def test_a_job_changes_and_clears_and_reports_each_row(sandbox: Sandbox, job: Job) -> None:
    """Refused and deleted rows are told, texts arrive as they were, null and empty clear."""
    ids = accounts(sandbox, 6)
    sandbox.edit("Account", ids[3], {"AnnualRevenue": 5, "Description": "old"})
    sandbox.edit("Account", ids[4], {"Description": "old"})
    sandbox.delete("Account", ids[1])
    texts = ["Zoë, \"Söhne\"\n'GmbH'\r\n \\ 🎈", "gone", "x" * 256, "d", "#N/A", "f"]
    ports = make_ports()
    connector = job(ports)
    receipts = by_seq(
        connector.write(
            updates(
                ids,
                Name=texts,
                AnnualRevenue=[7.0, 1.0, 1.0, None, 1e7, -3.0],
                Description=["#N/A", "", "", None, "", "kept"],
            )
        )
    )
    assert [receipts[n]["outcome"] for n in range(1, 7)] == [
        "done", "gone", "rejected", "done", "done", "done",
    ]  # fmt: skip
    assert (receipts[3]["code"], receipts[3]["field"]) == ("STRING_TOO_LONG", "Name")
    assert [receipts[n]["id"] for n in range(1, 7)] == ids
    truth = {row["Id"]: row for row in sandbox.records("Account")}
    assert [truth[ids[n]]["Name"] for n in (0, 3, 4, 5)] == [texts[n] for n in (0, 3, 4, 5)]
    assert [truth[ids[n]].get("AnnualRevenue") for n in (0, 3, 4, 5)] == [7.0, None, 1e7, -3.0]
    found = [truth[ids[n]].get("Description") for n in (0, 3, 4, 5)]
    assert found == ["#N/A", None, None, "kept"]
    assert states(sandbox) == ["JobComplete"]
    assert ports.notes.texts == {}  # type: ignore[attr-defined]  # the notes of tests show them


def test_calls_are_as_many_as_were_said(sandbox: Sandbox, job: Job) -> None:
    """A job takes six: to make, fill and close it, one look, and the two lists of what failed."""
    connector = job()
    receipts = connector.write(named(accounts(sandbox, 30)))
    assert outcomes(receipts) == ["done"] * 30
    by_kind = connector.usage().by_kind
    assert by_kind["bulk"] == connector.calls_for(Op.UPDATE, 30) == CALLS
    assert "collections" not in by_kind


def test_an_upsert_asks_for_ids_once_more(owned: Sandbox, job: Job) -> None:
    """The second time nothing is created; each key keeps its record."""
    connector = job()
    first = connector.write(escalations(["k1", "k2", "k3"], "a\nb"))
    assert connector.usage().by_kind["bulk"] == connector.calls_for(Op.UPSERT, 3) == CALLS + 1
    second = connector.write(escalations(["k3", "k1", "k2"], "b"))
    assert (outcomes(first), outcomes(second)) == (["done"] * 3, ["done"] * 3)
    assert (first["created"].to_list(), second["created"].to_list()) == ([True] * 3, [False] * 3)
    assert second["id"].to_list() == [first["id"][2], first["id"][0], first["id"][1]]
    truth = {row["Id"]: row["Health_Key__c"] for row in owned.records(ESCALATION)}
    assert truth == dict(zip(first["id"], ["k1", "k2", "k3"], strict=True))


def test_few_rows_and_creations_take_no_job(owned: Sandbox, job: Job) -> None:
    """A job is worth it from a number of rows on; what is made once is made with its claim."""
    ids = accounts(owned, 2)
    connector = job()
    connector.write(named(ids))
    connector.write(creates(ids[0], ["a", "b", "c", "d"]))
    never = job(bulk_write_from=0)
    never.write(named(accounts(owned, 5)))
    assert owned.jobs() == []
    assert [connector.batch_size(op, 3) for op in Op] == [JOB_ROWS, JOB_ROWS, 75]
    assert [connector.batch_size(Op.UPDATE, rows) for rows in (2, 3)] == [200, JOB_ROWS]
    assert never.batch_size(Op.UPDATE, 10**6) == 200
    assert [never.calls_for(Op.UPDATE, rows) for rows in (0, 1, 200, 201)] == [0, 1, 1, 2]
    assert connector.calls_for(Op.UPDATE, 2 * JOB_ROWS + 2) == 2 * CALLS + 1
    assert connector.calls_for(Op.UPDATE, 2 * JOB_ROWS + 3) == 3 * CALLS


def test_keys_that_differ_in_case_only_are_told_apart(owned: Sandbox, job: Job) -> None:
    """To the service they are one key: such rows go one by one, not through a job."""
    receipts = job().write(escalations(["k1", "K1", "k2", "k3", "k4"], "a"))
    assert outcomes(receipts) == ["done"] * 5
    assert receipts["id"][0] == receipts["id"][1]
    assert len(owned.records(ESCALATION)) == 4


# -- rows that come again -------------------------------------------------------------------------


def test_locked_rows_alone_come_again(sandbox: Sandbox, job: Job) -> None:
    """By Collections, where a small call is enough."""
    ids = accounts(sandbox, 10)
    sandbox.faults({"kind": "row_lock", "ids": ids[3:5], "path": "jobs/ingest"})
    connector = job()
    assert outcomes(connector.write(named(ids))) == ["done"] * 10
    assert connector.usage().by_kind["collections"] == 1
    assert set(names(sandbox).values()) == {"new"}


def test_a_duplicate_rule_is_met_with_its_header(sandbox: Sandbox, job: Job) -> None:
    """Jobs can't send it, Collections can."""
    ids = accounts(sandbox, 4)
    sandbox.faults(
        {
            "kind": "row_error", "ids": [ids[2]], "path": "jobs/ingest",
            "code": "DUPLICATES_DETECTED", "message": "Use one of these records?",
        }
    )  # fmt: skip
    connector = job()
    assert outcomes(connector.write(named(ids))) == ["done"] * 4
    assert connector.usage().by_kind["collections"] == 1


def test_one_bad_row_that_fails_its_group_is_isolated(sandbox: Sandbox, job: Job) -> None:
    """A job fails 200 rows for one; halving by Collections saves the others."""
    ids = accounts(sandbox, 64)
    sandbox.faults({"kind": "batch_apex", "ids": [ids[17]], "times": 0})
    receipts = by_seq(job().write(named(ids)))
    assert [seq for seq, row in receipts.items() if row["outcome"] != "done"] == [18]
    assert receipts[18]["outcome"] == "rejected"


# -- jobs that go wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 400, "code": "INVALIDJOB", "method": "PUT"},
        {"kind": "status", "status": 413, "code": "TOO_LARGE", "method": "PUT"},
        {"kind": "cut_after", "method": "PUT"},
        {"kind": "cut_before", "method": "PUT", "times": 0},
        {"kind": "unavailable", "method": "PUT", "times": 0},
        {"kind": "cut_before", "method": "PATCH", "times": 5},
        {"kind": "status", "status": 400, "code": "INVALIDJOB", "method": "PATCH"},
    ],
)
def test_a_job_that_can_not_be_filled_is_aborted(
    sandbox: Sandbox, job: Job, fault: dict[str, Any]
) -> None:
    """Nothing of it was carried out yet, so its rows go by Collections."""
    ids = accounts(sandbox, 5)
    sandbox.faults({**fault, "path": "jobs/ingest"})
    ports = make_ports()
    connector = job(ports)
    assert outcomes(connector.write(named(ids))) == ["done"] * 5
    assert states(sandbox) == ["Aborted"]
    assert set(names(sandbox).values()) == {"new"}
    assert connector.usage().by_kind["collections"] == 1
    assert ports.notes.texts == {}  # type: ignore[attr-defined]  # as above


def test_an_upload_that_is_too_large_is_noticed(sandbox: Sandbox, job: Job) -> None:
    """As the service says, whatever we believe its limit to be."""
    ids = accounts(sandbox, 5)
    sandbox.call("POST", "limits", {"upload_bytes": 50})
    connector = job()
    assert outcomes(connector.write(named(ids))) == ["done"] * 5
    assert states(sandbox) == ["Aborted"]
    assert connector.usage().by_kind["collections"] == 1


def test_rows_above_the_limit_take_several_jobs(sandbox: Sandbox, job: Job) -> None:
    """One after the other; a refused row in each is told."""
    ids = accounts(sandbox, 20)
    connector = job()
    connector._writer._ingest = Ingest(connector._client, 3, upload_max=2_000)
    texts = ["x" * 300 if n % 10 == 7 else "y" * 99 for n in range(20)]
    receipts = connector.write(updates(ids, Name=texts))
    wanted = ["rejected" if n % 10 == 7 else "done" for n in range(20)]
    assert outcomes(receipts) == wanted
    assert states(sandbox) == ["JobComplete"] * 2
    assert sum(found["rows"] for found in sandbox.jobs()) == 20


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "FEATURENOTENABLED"), (403, "API_DISABLED_FOR_ORG"), (400, "LIMIT_EXCEEDED")],
)
def test_without_bulk_collections_do_it(sandbox: Sandbox, job: Job, status: int, code: str) -> None:
    """It is asked for once a run, and said once."""
    ids = accounts(sandbox, 5)
    sandbox.faults(
        {"kind": "status", "status": status, "code": code, "path": "jobs/ingest", "times": 0}
    )
    log = Log()
    connector = job(make_ports(log=log))
    for text in ("one", "two"):
        assert outcomes(connector.write(named(ids, text))) == ["done"] * 5
    assert set(names(sandbox).values()) == {"two"}
    assert connector.usage().by_kind["bulk"] == 1
    told = [values for event, values in log.events if event == "salesforce.bulk_off"]
    assert told == [{"why": "not made", "code": code}]
    assert connector.batch_size(Op.UPDATE, 10**6) == 200


@pytest.mark.parametrize("times", [1, 2])
def test_a_job_made_unheard_is_aborted(sandbox: Sandbox, job: Job, times: int) -> None:
    """The answers to its making were lost; an open job of another kind is left alone."""
    theirs = job()._client.send(
        "POST",
        "/services/data/v62.0/jobs/ingest",
        b'{"object":"Contact","operation":"update","contentType":"CSV"}',
    )
    ids = accounts(sandbox, 5)
    sandbox.faults({"kind": "cut_after", "method": "POST", "path": "jobs/ingest", "times": times})
    ports = make_ports()
    assert outcomes(job(ports).write(named(ids))) == ["done"] * 5
    assert sorted(states(sandbox)) == sorted(["Aborted"] * times + ["JobComplete", "Open"])
    left = next(found for found in sandbox.jobs() if found["state"] == "Open")
    assert left["id"] == theirs.json()["id"]
    assert ports.notes.texts == {}  # type: ignore[attr-defined]  # as above


def test_a_close_without_answer_is_found_out(sandbox: Sandbox, job: Job) -> None:
    """The job itself tells that it was closed, and then what it did."""
    ids = accounts(sandbox, 5)
    sandbox.faults({"kind": "cut_after", "method": "PATCH", "path": "jobs/ingest"})
    connector = job()
    assert outcomes(connector.write(named(ids))) == ["done"] * 5
    assert states(sandbox) == ["JobComplete"]
    assert "collections" not in connector.usage().by_kind


def test_a_job_that_fails_halfway_is_finished_by_collections(sandbox: Sandbox, job: Job) -> None:
    """What it did is done; what it left is written, and the run makes no more jobs."""
    ids = accounts(sandbox, 6)
    sandbox.faults({"kind": "job_fails", "count": 2, "path": "jobs/ingest"})
    connector = job()
    assert outcomes(connector.write(named(ids))) == ["done"] * 6
    assert set(names(sandbox).values()) == {"new"}
    assert outcomes(connector.write(named(ids, "newer"))) == ["done"] * 6
    assert states(sandbox) == ["Failed"]
    assert connector.usage().by_kind["collections"] == 2


def test_a_field_that_the_service_lacks_is_a_matter_of_setup(sandbox: Sandbox, job: Job) -> None:
    """The whole job fails for its header: no row is to blame."""
    ids = accounts(sandbox, 4)
    ports = make_ports()
    with pytest.raises(SetupError, match=r"Account\.Nope__c.*crm-health setup"):
        job(ports).write(updates(ids, Nope__c=["x"] * 4))
    assert states(sandbox) == ["Failed"]
    assert ports.notes.texts == {}  # type: ignore[attr-defined]  # as above


def test_a_job_that_somebody_aborts_is_not_outdone(sandbox: Sandbox, job: Job) -> None:
    """What was done is done; the rest waits for the next run."""
    ids = accounts(sandbox, 6)
    sandbox.faults({"kind": "job_aborts", "count": 2, "path": "jobs/ingest"})
    connector = job()
    receipts = connector.write(named(ids))
    assert outcomes(receipts) == ["done"] * 2 + ["retry"] * 4
    assert [name == "new" for name in names(sandbox).values()] == [True] * 2 + [False] * 4
    assert "collections" not in connector.usage().by_kind


def test_a_job_that_never_ends_is_given_up(sandbox: Sandbox, job: Job) -> None:
    """It is aborted at its deadline; later rows of the run take another way."""
    ids = accounts(sandbox, 6)
    sandbox.faults({"kind": "job_hangs", "count": 2, "path": "jobs/ingest"})
    ports = make_ports()
    connector = job(ports)
    began = ports.clock()
    assert outcomes(connector.write(named(ids))) == ["done"] * 2 + ["retry"] * 4
    assert 1800 <= ports.clock() - began <= 2000
    assert states(sandbox) == ["Aborted"]
    assert outcomes(connector.write(named(ids, "newer"))) == ["done"] * 6
    assert len(sandbox.jobs()) == 1
    assert ports.notes.texts == {}  # type: ignore[attr-defined]  # as above


def test_rows_left_over_by_a_complete_job_come_again(sandbox: Sandbox, job: Job) -> None:
    """They are nobody's fault."""
    ids = accounts(sandbox, 6)
    sandbox.faults({"kind": "job_unprocessed", "count": 2, "path": "jobs/ingest"})
    receipts = job().write(named(ids))
    assert outcomes(receipts) == ["done"] * 4 + ["retry"] * 2
    assert receipts["code"][5] == "CH-SF-UNPROCESSED"


def test_failed_rows_are_read_where_the_job_says_complete(sandbox: Sandbox, job: Job) -> None:
    """A job with failures ends as complete all the same."""
    ids = accounts(sandbox, 4)
    receipts = job().write(updates(ids, Name=["a", "x" * 300, "b", "y" * 300]))
    assert outcomes(receipts) == ["done", "rejected", "done", "rejected"]
    assert states(sandbox) == ["JobComplete"]


@pytest.mark.parametrize("kind", ["server_error", "html", "truncate", "cut_before"])
@pytest.mark.parametrize("lost", ["failedResults", "unprocessedrecords"])
def test_results_that_can_not_be_had_prove_nothing(
    sandbox: Sandbox, job: Job, kind: str, lost: str
) -> None:
    """Only rows that the job names as done are done; the rest is unknown or refused."""
    ids = accounts(sandbox, 4)
    sandbox.faults({"kind": kind, "path": lost, "times": 0})
    receipts = job().write(updates(ids, Name=["a", "x" * 300, "b", "c"]))
    assert outcomes(receipts)[0::2] == ["done", "done"]
    assert outcomes(receipts)[1] == ("unknown" if lost == "failedResults" else "rejected")


def test_without_any_result_all_is_unknown(sandbox: Sandbox, job: Job) -> None:
    """The rows are written, but nothing says so."""
    ids = accounts(sandbox, 4)
    sandbox.faults({"kind": "server_error", "path": "Results|unprocessed", "times": 0})
    assert outcomes(job().write(named(ids))) == ["unknown"] * 4
