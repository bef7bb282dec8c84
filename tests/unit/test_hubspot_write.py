"""Writing to HubSpot, against the sandbox over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from connectors.hubspot.client import Client
from connectors.hubspot.settings import load
from connectors.hubspot.write import Writer
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, Op
from crm_health.errors import AuthError, BrokenInvariant, SetupError
from crm_health.testing.conformance.kit import by_seq, outcomes
from crm_health.testing.ports import make_ports

KEY = {"name": "claim", "label": "Claim", "type": "string", "fieldType": "text"}
VERSIONS = ["v3", "2026-03", "2026-09"]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty portal; tasks and tickets have a unique property `claim`."""
    with Sandbox.start() as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        for kind in ("tasks", "tickets"):
            box.hubspot.define(kind, {**KEY, "hasUniqueValue": True})
        box.hubspot.define("tasks", {**KEY, "name": "loose"})
        yield box


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of that portal."""
    yield from _client("2026-09")


def _client(version: str) -> Iterator[Client]:
    made = Client(load(version), make_ports(), version)
    yield made
    made.close()


def _tasks(company: str | None, *keys: str, claim: str = "claim", **values: Any) -> Batch:
    seqs = range(1, len(keys) + 1)
    rows = pl.DataFrame(
        {
            "seq": seqs,
            "hs_task_subject": [f"for {key}" for key in keys],
            "hs_timestamp": ["2026-03-02T12:00:00.000Z"] * len(keys),
            "associations.companies": [company] * len(keys),
            **values,
        },
        schema_overrides={"associations.companies": pl.String},
    )
    claims = rows.select("seq", "associations.companies").with_columns(pl.Series(claim, keys))
    return Batch(Op.CREATE_ONCE, "tasks", rows, claim=Batch(Op.UPSERT, "tasks", claims, claim))


def _tickets(company: str, *keys: str) -> Batch:
    rows = pl.DataFrame(
        {
            "seq": range(1, len(keys) + 1),
            "claim": list(keys),
            "subject": [f"ticket {key}" for key in keys],
            "hs_pipeline": ["0"] * len(keys),
            "hs_pipeline_stage": ["1"] * len(keys),
            "associations.companies": [company] * len(keys),
        }
    )
    return Batch(Op.UPSERT, "tickets", rows, "claim")


def _company(sandbox: Sandbox) -> str:
    return sandbox.hubspot.edit("companies", None, {"name": "Acme"})


def _live(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.hubspot.records(kind) if not row["archived"]]


def _hangs_on(client: Client, kind: str, row_id: str) -> list[str]:
    """The companies of a record, as the service tells them."""
    path = client.paths.associations(kind, "companies", "read")
    answer = client.post(path, {"inputs": [{"id": row_id}]}).json()
    return [str(to["toObjectId"]) for one in answer["results"] for to in one["to"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_task_comes_with_its_claim_and_its_company_in_one_call(
    sandbox: Sandbox, version: str
) -> None:
    """One record bears both; legacy and dated paths do the same."""
    company = _company(sandbox)
    for client in _client(version):
        receipts = by_seq(Writer(client).write(_tasks(company, "a", "b")))
        assert [receipts[n]["created"] for n in (1, 2)] == [True, True]
        stored = {row["id"]: row for row in _live(sandbox, "tasks")}
        assert set(stored) == {receipts[n]["id"] for n in (1, 2)}
        assert stored[receipts[1]["id"]]["claim"] == "a"
        assert stored[receipts[1]["id"]]["hs_task_subject"] == "for a"
        assert _hangs_on(client, "tasks", receipts[2]["id"]) == [company]
        writes = [c for c in sandbox.calls() if "/batch/create" in c["path"]]
        assert len(writes) == 1


def test_a_second_create_overwrites_nothing(sandbox: Sandbox, client: Client) -> None:
    """What a person did with the task in the meantime stays; its lost company is restored."""
    company, writer = _company(sandbox), Writer(client)
    made = by_seq(writer.write(_tasks(company, "a")))[1]["id"]
    sandbox.hubspot.edit("tasks", made, {"hs_task_subject": "mine", "hs_task_status": "COMPLETED"})
    sandbox.hubspot.dissociate("tasks", made, "companies", company)
    again = by_seq(writer.write(_tasks(company, "a", "b")))
    assert [(again[n]["outcome"], again[n]["created"]) for n in (1, 2)] == [
        ("done", False),
        ("done", True),
    ]
    row = next(r for r in _live(sandbox, "tasks") if r["id"] == made)
    assert (row["hs_task_subject"], row["hs_task_status"]) == ("mine", "COMPLETED")
    assert _hangs_on(client, "tasks", made) == [company]


def test_a_task_outlives_its_contact(sandbox: Sandbox, client: Client) -> None:
    """The contact was deleted meanwhile: made at its company all the same, and the row says so."""
    company, writer = _company(sandbox), Writer(client)
    contact = sandbox.hubspot.edit("contacts", None, {"email": "x@example.com"})
    hung = {"associations.contacts": [contact, None]}
    whole = by_seq(writer.write(_tasks(company, "a", "b", **hung)))
    assert [whole[n]["code"] for n in (1, 2)] == [None, None]
    sandbox.hubspot.archive("contacts", contact)
    lost = by_seq(writer.write(_tasks(company, "c", "d", **hung)))
    assert [(lost[n]["outcome"], lost[n]["created"]) for n in (1, 2)] == [("done", True)] * 2
    assert [lost[n]["field"] for n in (1, 2)] == ["associations.contacts", None]
    assert _hangs_on(client, "tasks", lost[1]["id"]) == [company]
    assert len(_live(sandbox, "tasks")) == 4


@pytest.mark.parametrize("kind", ["cut_after", "truncate", "html"])
def test_a_lost_answer_makes_no_second_task(sandbox: Sandbox, client: Client, kind: str) -> None:
    """The client asks again, the claim refuses, the record is found by it."""
    company = _company(sandbox)
    sandbox.faults({"kind": kind, "path": "/batch/create", "times": 1})
    assert outcomes(Writer(client).write(_tasks(company, "a", "b"))) == ["done", "done"]
    assert len(_live(sandbox, "tasks")) == 2


def test_nothing_is_made_once_by_a_property_that_is_not_unique(
    sandbox: Sandbox, client: Client
) -> None:
    """SetupError before anything is written: nothing would keep off a second task."""
    with pytest.raises(SetupError, match="not unique"):
        Writer(client).write(_tasks(_company(sandbox), "a", claim="loose"))
    assert _live(sandbox, "tasks") == []


def test_a_claim_on_another_object_is_refused(sandbox: Sandbox, client: Client) -> None:
    """HubSpot can't save two objects at once, and says so before it sends anything."""
    batch = _tasks(_company(sandbox), "a")
    assert batch.claim is not None
    other = Batch(Op.UPSERT, "tickets", batch.claim.rows, "claim")
    with pytest.raises(SetupError, match="same object"):
        Writer(client).write(Batch(batch.op, batch.object, batch.rows, claim=other))


def test_an_upsert_is_done_when_it_hangs_on_its_company(sandbox: Sandbox, client: Client) -> None:
    """Record and association are two calls for the whole batch, and twice changes nothing."""
    company, writer = _company(sandbox), Writer(client)
    before = len(sandbox.calls())
    first = by_seq(writer.write(_tickets(company, "a", "b", "c")))
    assert [row["created"] for row in first.values()] == [True] * 3
    assert len(sandbox.calls()) - before == 2 == writer.calls_for(Op.UPSERT, 3)
    second = by_seq(writer.write(_tickets(company, "a", "b", "c")))
    assert [second[n]["id"] for n in (1, 2, 3)] == [first[n]["id"] for n in (1, 2, 3)]
    assert [row["created"] for row in second.values()] == [False] * 3
    assert _hangs_on(client, "tickets", first[3]["id"]) == [company]


def test_a_record_without_its_association_is_not_done(sandbox: Sandbox, client: Client) -> None:
    """One pair is refused for good: its row says so by name, the others are done."""
    company, writer = _company(sandbox), Writer(client)
    batch = _tickets(company, "a", "b", "c")
    rows = batch.rows.with_columns(
        pl.when(pl.col("seq") == 2)
        .then(pl.lit("999"))
        .otherwise("associations.companies")
        .alias("associations.companies")
    )
    receipts = by_seq(writer.write(Batch(batch.op, batch.object, rows, batch.key_field)))
    assert [receipts[n]["outcome"] for n in (1, 2, 3)] == ["done", "rejected", "done"]
    assert receipts[2]["id"]
    assert "associate" in receipts[2]["message"]


def test_a_lost_association_is_asked_for_again(sandbox: Sandbox, client: Client) -> None:
    """Its answer was lost, and the same call is harmless."""
    company = _company(sandbox)
    sandbox.faults({"kind": "cut_after", "path": "associate/default", "times": 1})
    receipts = by_seq(Writer(client).write(_tickets(company, "a")))
    assert receipts[1]["outcome"] == "done"
    assert _hangs_on(client, "tickets", receipts[1]["id"]) == [company]


def _renames(*ids: str, **values: Any) -> Batch:
    frame = pl.DataFrame({"seq": range(1, len(ids) + 1), "id": list(ids)})
    return Batch(
        Op.UPDATE, "companies", frame.with_columns(pl.lit(v).alias(k) for k, v in values.items())
    )


def test_a_property_that_every_row_lacks_is_a_matter_of_setup(
    sandbox: Sandbox, client: Client
) -> None:
    """SetupError names it; nothing was written."""
    ids = [_company(sandbox) for _ in range(2)]
    with pytest.raises(SetupError, match="health_gone"):
        Writer(client).write(_renames(*ids, health_gone="x"))


def test_a_row_that_is_answered_by_nobody_is_unknown(sandbox: Sandbox, client: Client) -> None:
    """An id that was merged away: a 2xx with neither result nor error for it."""
    ids = [_company(sandbox) for _ in range(3)]
    sandbox.hubspot.merge("companies", ids[0], ids[1])
    assert outcomes(Writer(client).write(_renames(*ids, name="New"))) == [
        "unknown",
        "unknown",
        "done",
    ]


def test_the_bad_row_of_a_refused_batch_is_found_by_halving(
    sandbox: Sandbox, client: Client
) -> None:
    """A 400 for the whole batch whenever one record is in it: that one alone is rejected."""
    ids = [_company(sandbox) for _ in range(20)]
    refusal = {"kind": "status", "status": 400, "code": "VALIDATION_ERROR", "times": 0}
    sandbox.faults({**refusal, "path": "/batch/update", "object": ids[13]})
    before = len(sandbox.calls())
    ends = outcomes(Writer(client).write(_renames(*ids, name="New")))
    assert ends == ["done"] * 13 + ["rejected"] + ["done"] * 6
    assert len(sandbox.calls()) - before <= 12
    names = {row["id"]: row["name"] for row in _live(sandbox, "companies")}
    assert [names[i] for i in ids] == ["New"] * 13 + ["Acme"] + ["New"] * 6


def test_halving_has_an_end(sandbox: Sandbox, client: Client) -> None:
    """When HubSpot refuses everything all rows are rejected after a bounded number of calls."""
    ids = [_company(sandbox) for _ in range(100)]
    refusal = {"kind": "status", "status": 400, "code": "VALIDATION_ERROR", "times": 0}
    sandbox.faults({**refusal, "path": "/batch/update"})
    before = len(sandbox.calls())
    ends = outcomes(Writer(client).write(_renames(*ids, name="New")))
    assert ends == ["rejected"] * 100
    assert len(sandbox.calls()) - before <= 60


def test_a_lock_that_lasts_ends_as_retry(sandbox: Sandbox, client: Client) -> None:
    """423 locks a request, not a row: all rows are offered for the next run."""
    ids = [_company(sandbox) for _ in range(2)]
    sandbox.faults({"kind": "locked", "path": "/batch/update", "times": 0})
    assert outcomes(Writer(client).write(_renames(*ids, name="New"))) == ["retry", "retry"]
    sandbox.clear_faults()
    sandbox.faults({"kind": "locked", "path": "/batch/update", "times": 1})
    assert outcomes(Writer(client).write(_renames(*ids, name="New"))) == ["done", "done"]


def test_a_missing_scope_ends_the_run_by_name(sandbox: Sandbox, client: Client) -> None:
    """AuthError names the scope; nothing was written."""
    ids = [_company(sandbox)]
    sandbox.hubspot.tokens(scopes=["crm.objects.companies.read"])
    with pytest.raises(AuthError, match=r"crm\.objects\.companies\.write"):
        Writer(client).write(_renames(*ids, name="New"))


def test_numbers_and_truths_are_sent_as_hubspot_reads_them_back(
    sandbox: Sandbox, client: Client
) -> None:
    """72.0 is 72, or it would look like an edit; a null clears."""
    company = sandbox.hubspot.edit("companies", None, {"name": "Acme", "description": "old"})
    batch = _renames(company, numberofemployees=72.0, annualrevenue=0.5, is_public=True)
    cleared = batch.rows.with_columns(pl.lit(None, pl.String).alias("description"))
    Writer(client).write(Batch(batch.op, batch.object, cleared))
    row = next(r for r in _live(sandbox, "companies") if r["id"] == company)
    assert [row[n] for n in ("numberofemployees", "annualrevenue", "is_public")] == [
        "72",
        "0.5",
        "true",
    ]
    assert row["description"] == ""


def test_lines_of_a_task_stay_lines_and_names_stay_text(sandbox: Sandbox, client: Client) -> None:
    """HubSpot shows the body as HTML: nothing in a name becomes a tag."""
    body = "Do: call <b>R&D</b>\nThen write."
    Writer(client).write(_tasks(_company(sandbox), "a", hs_task_body=[body]))
    (row,) = _live(sandbox, "tasks")
    assert row["hs_task_body"] == "Do: call &lt;b&gt;R&amp;D&lt;/b&gt;<br>Then write."


def test_two_rows_of_one_key_are_a_bug(sandbox: Sandbox, client: Client) -> None:
    """Keys differ in more than their case: HubSpot would refuse the whole batch."""
    with pytest.raises(BrokenInvariant):
        Writer(client).write(_tickets("1", "a", "A"))
