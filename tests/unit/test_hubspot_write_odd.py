"""Writing to an account that changed under our feet, and answers that are odd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from connectors.hubspot.client import Client
from connectors.hubspot.settings import load
from connectors.hubspot.write import Writer
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, Ledger, Op
from crm_health.errors import BrokenInvariant, SetupError
from crm_health.testing.conformance.kit import by_seq, outcomes
from crm_health.testing.ports import make_ports

TEXT = {"label": "Text", "type": "string", "fieldType": "textarea"}
KEY = {"label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}
BAND = {"name": "band", "label": "Band", "type": "enumeration", "fieldType": "select"}
#: More than a number of JavaScript's holds exactly.
BIG = "9007199254740993"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A portal with companies that have a band, and keys of either kind."""
    with Sandbox.start(frozen=True) as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.settings(limits=False, enrich_after=0, search_lag=0)
        options = [{"label": c, "value": c} for c in ("Green", "Yellow")]
        box.hubspot.define("companies", {**BAND, "options": options}, {**TEXT, "name": "claims"})
        box.hubspot.define("tasks", {**KEY, "name": "key"}, {**TEXT, "name": "plain"})
        box.hubspot.define("tickets", {**KEY, "name": "key"})
        yield box


@pytest.fixture
def writer(sandbox: Sandbox) -> Iterator[Writer]:
    """A writer to that portal."""
    client = Client(load("2026-09"), make_ports(), "2026-09")
    yield Writer(client)
    client.close()


def _company(sandbox: Sandbox, **values: str) -> str:
    return sandbox.hubspot.edit("companies", None, {"name": "Acme", **values})


def _stored(sandbox: Sandbox, kind: str = "companies") -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in sandbox.hubspot.records(kind) if not row["archived"]}


def _update(*ids: str, **columns: list[str]) -> Batch:
    return Batch(
        Op.UPDATE, "companies", pl.DataFrame({"seq": range(len(ids)), "id": ids, **columns})
    )


def _task(company: str, key: str = "key", **more: str) -> Batch:
    at = {"seq": [1], "associations.companies": [company]}
    values = {"hs_timestamp": ["2026-03-02T12:00:00.000Z"], **{k: [v] for k, v in more.items()}}
    claim = Batch(Op.UPSERT, "tasks", pl.DataFrame({**at, key: ["a"]}), key)
    ledger = Ledger("companies", "claims", "associations.companies")
    return Batch(
        Op.CREATE_ONCE, "tasks", pl.DataFrame({**at, **values}), claim=claim, ledger=ledger
    )


def _ticket(company: str, *keys: str, **more: str) -> Batch:
    rows = pl.DataFrame(
        {
            "seq": range(len(keys)),
            "key": keys,
            "subject": ["T"] * len(keys),
            "hs_pipeline": ["0"] * len(keys),
            "hs_pipeline_stage": ["1"] * len(keys),
            "associations.companies": [company] * len(keys),
        }
    )
    return Batch(
        Op.UPSERT, "tickets", rows.with_columns(pl.lit(v).alias(k) for k, v in more.items()), "key"
    )


def _answer(body: dict[str, Any], path: str, status: int = 200) -> dict[str, Any]:
    return {"kind": "status", "status": status, "body": json.dumps(body), "path": path, "times": 1}


def test_an_option_that_was_removed_is_refused_by_name(sandbox: Sandbox, writer: Writer) -> None:
    """The row says which value of which property; the others are written."""
    ids = [_company(sandbox) for _ in range(3)]
    receipts = by_seq(writer.write(_update(*ids, band=["Green", "Red", "Yellow"])))
    assert [receipts[n]["outcome"] for n in range(3)] == ["done", "rejected", "done"]
    assert (receipts[1]["code"], receipts[1]["field"]) == ("INVALID_OPTION", "band")
    assert "'Red' is no option of band" in receipts[1]["message"]
    assert [_stored(sandbox)[i].get("band") for i in ids] == ["Green", None, "Yellow"]


def test_a_property_that_vanished_ends_the_run_by_name(sandbox: Sandbox, writer: Writer) -> None:
    """Between two batches an admin archives it: SetupError, though a row failed otherwise too."""
    ids = [_company(sandbox) for _ in range(3)]
    assert outcomes(writer.write(_update(*ids, band=["Green"] * 3))) == ["done"] * 3
    sandbox.hubspot.drop_property("companies", "band")
    sandbox.hubspot.archive("companies", ids[0])
    with pytest.raises(SetupError, match="band"):
        writer.write(_update(*ids, band=["Yellow"] * 3))


def test_a_key_that_vanished_ends_the_run(sandbox: Sandbox, writer: Writer) -> None:
    """Without its key a task could come twice: SetupError, and nothing is made."""
    company = _company(sandbox)
    sandbox.hubspot.drop_property("tasks", "key")
    with pytest.raises(SetupError):
        writer.write(_task(company))
    assert _stored(sandbox, "tasks") == {}


@pytest.mark.parametrize("column", ["hs_pipeline", "hs_pipeline_stage"])
def test_an_unknown_pipeline_or_stage_is_refused_by_name(
    sandbox: Sandbox, writer: Writer, column: str
) -> None:
    """An admin deleted ours: the receipt names the property and the id that we sent."""
    receipt = by_seq(writer.write(_ticket(_company(sandbox), "a", **{column: "health_gone"})))[0]
    assert (receipt["outcome"], receipt["field"]) == ("rejected", column)
    assert "health_gone" in receipt["message"]


@pytest.mark.parametrize("status", [200, 201, 207])
def test_errors_count_whatever_the_status(sandbox: Sandbox, writer: Writer, status: int) -> None:
    """Dated addresses may say 200 where legacy ones say 207: the body decides."""
    ids = [_company(sandbox) for _ in range(2)]
    refused = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "context": {"objectWriteTraceId": ["1"]},
    }
    body = {"status": "COMPLETE", "results": [{"id": ids[0]}], "errors": [refused]}
    sandbox.faults(_answer(body, "/batch/update", status))
    assert outcomes(writer.write(_update(*ids, band=["Green"] * 2))) == ["done", "rejected"]


def test_an_answer_that_says_nothing_is_no_success(sandbox: Sandbox, writer: Writer) -> None:
    """Neither results nor errors: unknown for what may be repeated, looked up for what may not."""
    nothing = {"status": "COMPLETE", "results": [], "errors": []}
    company = _company(sandbox)
    sandbox.faults(_answer(nothing, "/companies/batch/update"))
    assert outcomes(writer.write(_update(company, band=["Green"]))) == ["unknown"]
    sandbox.faults(_answer(nothing, "/tickets/batch/upsert"))
    assert outcomes(writer.write(_ticket(company, "a"))) == ["unknown"]
    for key in ("key", "plain"):
        sandbox.faults(_answer(nothing, "/tasks/batch/create"))
        assert outcomes(writer.write(_task(company, key))) == ["unknown"]
    assert _stored(sandbox, "tasks") == {}


def test_ids_keep_all_their_digits(sandbox: Sandbox, writer: Writer) -> None:
    """Beyond 2^53, as texts and as the numbers of associations, in every kind of write."""
    near = str(int(BIG) - 1)
    sandbox.hubspot.load({"companies": [{"id": BIG, "name": "A"}, {"id": near, "name": "B"}]})
    receipts = by_seq(writer.write(_update(BIG, near, band=["Green", "Yellow"])))
    assert [receipts[n]["id"] for n in (0, 1)] == [BIG, near]
    assert [_stored(sandbox)[i]["band"] for i in (BIG, near)] == ["Green", "Yellow"]
    assert outcomes(writer.write(_ticket(BIG, "a"))) == ["done"]
    for key in ("key", "plain"):
        assert by_seq(writer.write(_task(BIG, key)))[1]["created"] is True
        assert by_seq(writer.write(_task(BIG, key)))[1]["created"] is False
    assert _stored(sandbox)[near].get("claims") is None


def test_nothing_is_sent_of_a_batch_that_names_something_twice(
    sandbox: Sandbox, writer: Writer
) -> None:
    """Records, keys or rows: HubSpot would refuse the whole batch, or one row would win."""
    company = _company(sandbox)
    before = len(sandbox.calls())
    same = _update(company, band=["Green"])
    for batch in (
        _update(company, company, band=["Green", "Yellow"]),
        _ticket(company, "a", "A"),
        Batch(same.op, same.object, pl.concat([same.rows, same.rows])),
    ):
        with pytest.raises(BrokenInvariant):
            writer.write(batch)
    assert len(sandbox.calls()) == before
