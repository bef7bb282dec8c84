"""One receipt a row, matched by what it names; nothing is created twice or lost unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import polars as pl
import pytest

from connectors.http import LostAnswer, NotSent
from connectors.salesforce.client import Answer
from connectors.salesforce.receipts import match
from connectors.salesforce.write import HALVING_CALLS, Writer
from crm_health.connector import RECEIPT_SCHEMA, Batch, Op
from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    QuotaExhausted,
    RateLimited,
    Rejected,
    SetupError,
)
from crm_health.testing.ports import Log, make_ports

Reply = Callable[[list[dict[str, Any]]], Any]


class FakeClient:
    """Answers each write from a function of its records or graphs."""

    data = "/services/data/v62.0"

    def __init__(self, reply: Reply) -> None:
        self.ports = make_ports(log=Log())
        self.sent: list[list[dict[str, Any]]] = []
        self.bodies: list[bytes] = []
        self.queries: list[str] = []
        self.keys: dict[str, str] = {}
        self._reply = reply

    def send(self, method: str, path: str, body: bytes, headers: Any = None) -> Answer:
        parsed = orjson.loads(body)
        rows = parsed.get("records") or parsed.get("graphs")
        self.sent.append(rows)
        self.bodies.append(body)
        found = self._reply(rows)
        if isinstance(found, Exception):
            raise found
        return Answer(orjson.dumps(found))

    def get(self, path: str, params: dict[str, str]) -> Answer:
        self.queries.append(params["q"])
        records = [{"Id": v, "K__c": k} for k, v in self.keys.items()]
        return Answer(orjson.dumps({"records": records}))


def identifier(n: int) -> str:
    return f"001{n:012d}AAA"


def update(*numbers: int) -> Batch:
    rows = pl.DataFrame(
        {
            "seq": pl.Series(numbers, dtype=pl.Int64),
            "id": [identifier(n) for n in numbers],
            "S__c": [float(n) for n in numbers],
        }
    )
    return Batch(Op.UPDATE, "Account", rows)


def upsert(*keys: str) -> Batch:
    rows = pl.DataFrame({"seq": range(len(keys)), "K__c": keys})
    return Batch(Op.UPSERT, "E__c", rows.cast({"seq": pl.Int64}), key_field="K__c")


def create(*numbers: int) -> Batch:
    seq = pl.Series("seq", numbers, dtype=pl.Int64)
    claim = pl.DataFrame([seq, pl.Series("K__c", [f"k{n}" for n in numbers])])
    rows = pl.DataFrame([seq, pl.Series("Subject", ["call"] * len(numbers))])
    return Batch(
        Op.CREATE_ONCE, "Task", rows, claim=Batch(Op.UPSERT, "E__c", claim, key_field="K__c")
    )


def good(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "success": True, "errors": []}


def bad(code: str, message: str = "", *fields: str) -> dict[str, Any]:
    error = {"statusCode": code, "message": message, "fields": list(fields)}
    return {"success": False, "errors": [error]}


def outcomes(client: FakeClient, batch: Batch) -> list[str]:
    receipts = Writer(client).write(batch)  # type: ignore[arg-type]  # the fake has what is used
    assert receipts.schema == pl.Schema(RECEIPT_SCHEMA)
    assert receipts["seq"].to_list() == batch.rows["seq"].to_list()
    return receipts["outcome"].to_list()


def test_bodies_are_sorted_and_chunked() -> None:
    """200 a call, by Id, each row with its type and no number of ours."""
    client = FakeClient(lambda rows: [good(r) for r in rows])
    assert outcomes(client, update(*range(450, 0, -1))) == ["done"] * 450
    assert [len(rows) for rows in client.sent] == [200, 200, 50]
    ids = [row["id"] for rows in client.sent for row in rows]
    assert ids == sorted(ids)
    assert client.sent[0][0] == {
        "id": identifier(1),
        "S__c": 1.0,
        "attributes": {"type": "Account"},
    }
    assert client.bodies[0].startswith(b'{"allOrNone":false,')


def test_receipts_follow_the_batch_not_the_order_sent() -> None:
    """The plan's numbers lead."""
    client = FakeClient(
        lambda rows: [good(r) if r["S__c"] != 2 else bad("STRING_TOO_LONG") for r in rows]
    )
    assert outcomes(client, update(3, 2, 1)) == ["done", "rejected", "done"]


@pytest.mark.parametrize(
    ("results", "found"),
    [
        ([good({"id": "a"}), good({"id": "b"})], ["done", "done"]),
        ([good({"id": "b"}), good({"id": "a"})], ["done", "done"]),
        ([good({"id": "b"})], ["unknown", "done"]),
        ([good({"id": "a"}), good({"id": "b"}), good({"id": "c"})], ["done", "done"]),
        ([bad("X"), good({"id": "b"})], ["rejected", "done"]),
        ([good({"id": "b"}), bad("X")], ["unknown", "done"]),
        ([bad("X"), bad("ENTITY_IS_DELETED")], ["rejected", "gone"]),
        ([bad("X")], ["unknown", "unknown"]),
        ([], ["unknown", "unknown"]),
        ([{}, {}], ["unknown", "unknown"]),
        ([None, "x"], ["unknown", "unknown"]),
        ({"error": "x"}, ["unknown", "unknown"]),
        (None, ["unknown", "unknown"]),
        ([{"success": "true", "id": "a"}, good({"id": "b"})], ["unknown", "done"]),
    ],
)
def test_results_are_matched_by_id(results: object, found: list[str]) -> None:
    """Place counts only while no id contradicts it."""
    assert [r.outcome.value for r in match(results, ["a", "b"])] == found


def test_a_success_without_id_proves_nothing() -> None:
    """Where the record of a row is not known beforehand."""
    assert [r.outcome.value for r in match([{"success": True}], [None])] == ["unknown"]


def test_upserts_are_matched_by_their_keys() -> None:
    """One query tells which record has which key."""
    client = FakeClient(lambda rows: [good({"id": "e2"}), good({"id": "e1"})])
    client.keys = {"K1": "e1", "k2": "e2"}
    receipts = Writer(client).write(upsert("k1", "k2"))  # type: ignore[arg-type]  # as above
    assert receipts["id"].to_list() == ["e1", "e2"]
    assert client.queries == ["SELECT Id, K__c FROM E__c WHERE K__c IN ('k1', 'k2')"]


def test_upserts_without_proof_are_unknown() -> None:
    """The next read settles them."""
    client = FakeClient(lambda rows: [good({"id": "e2"}), good({"id": "e1"})])
    assert outcomes(client, upsert("k1", "k2")) == ["unknown", "unknown"]


def test_a_lost_race_for_a_key_is_run_again() -> None:
    """The record is there now, so the repeat updates it."""
    answers = iter(
        [
            [bad("DUPLICATE_VALUE", "duplicate value found: K__c duplicates value on record")],
            [good({"id": "e1"})],
        ]
    )
    client = FakeClient(lambda rows: next(answers))
    assert outcomes(client, upsert("k1")) == ["done"]


def test_another_unique_field_is_a_refusal() -> None:
    """Not our key: repeating would not help."""
    client = FakeClient(
        lambda rows: [bad("DUPLICATE_VALUE", "duplicate value found: Other__c duplicates value")]
    )
    assert outcomes(client, upsert("k1")) == ["rejected"]
    assert len(client.sent) == 1


def part(reference: str, body: Any, status: int = 201) -> dict[str, Any]:
    return {"referenceId": reference, "httpStatusCode": status, "body": body}


def graph(number: str, *parts: dict[str, Any], success: bool = False) -> dict[str, Any]:
    return {
        "graphId": number,
        "isSuccessful": success,
        "graphResponse": {"compositeResponse": list(parts)},
    }


def fault(code: str, message: str = "") -> list[dict[str, Any]]:
    return [{"errorCode": code, "message": message}]


HALTED = part("record", fault("PROCESSING_HALTED"), 400)
OURS = "duplicate value found: K__c duplicates value on record with id: a01"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            graph("7", part("claim", {"id": "a1"}), part("record", {"id": "t1"}), success=True),
            "done",
        ),
        (graph("7", part("claim", fault("DUPLICATE_VALUE", OURS), 400), HALTED), "done"),
        (
            graph(
                "7",
                part("claim", fault("DUPLICATE_VALUE", "duplicate value found: O duplicates")),
                HALTED,
            ),
            "rejected",
        ),
        (
            graph(
                "7",
                part("claim", fault("PROCESSING_HALTED")),
                part("record", fault("DUPLICATE_VALUE", OURS), 400),
            ),
            "rejected",
        ),
        (
            graph(
                "7",
                part("claim", fault("PROCESSING_HALTED")),
                part("record", fault("STRING_TOO_LONG"), 400),
            ),
            "rejected",
        ),
        (graph("7", part("claim", fault("PROCESSING_HALTED")), HALTED), "retry"),
        (graph("8", part("record", {"id": "t1"}), success=True), "unknown"),
        (graph("7", part("claim", {"id": "a1"}), success=True), "unknown"),
        (graph("7"), "unknown"),
        ({"graphId": "7"}, "unknown"),
        (None, "unknown"),
    ],
)
def test_graphs_are_matched_by_their_number(answer: Any, outcome: str) -> None:
    """Only a claim that exists already means `done` without an id."""
    client = FakeClient(lambda rows: {"graphs": [answer]})
    assert outcomes(client, create(7)) == [outcome]


def test_a_graph_posts_claim_and_record_together() -> None:
    """Nulls are left out, so that the CRM's defaults apply."""
    client = FakeClient(lambda rows: {"graphs": []})
    batch = create(7)
    rows = batch.rows.with_columns(Priority=pl.lit(None, pl.String))
    outcomes(client, Batch(Op.CREATE_ONCE, "Task", rows, claim=batch.claim))
    assert client.sent[0] == [
        {
            "graphId": "7",
            "compositeRequest": [
                {
                    "method": "POST",
                    "url": "/services/data/v62.0/sobjects/E__c",
                    "referenceId": "claim",
                    "body": {"K__c": "k7"},
                },
                {
                    "method": "POST",
                    "url": "/services/data/v62.0/sobjects/Task",
                    "referenceId": "record",
                    "body": {"Subject": "call"},
                },
            ],
        }
    ]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (LostAnswer("x", code="C"), "unknown"),
        (NotSent("x", code="C"), "retry"),
        (RateLimited("x", retry_after=9.0, code="C"), "retry"),
        (Rejected("x", code="C"), "rejected"),
    ],
)
def test_a_call_that_fails_is_a_receipt_for_each_row(error: Exception, outcome: str) -> None:
    """What was perhaps carried out is unknown; what was surely not comes again."""
    client = FakeClient(lambda rows: error)
    receipts = Writer(client).write(update(1, 2))  # type: ignore[arg-type]  # as above
    assert receipts["outcome"].to_list() == [outcome] * 2
    assert receipts["code"].to_list() == ["C"] * 2
    if isinstance(error, RateLimited):
        assert receipts["retry_after"].to_list() == [9.0] * 2


@pytest.mark.parametrize("error", [AuthError(), QuotaExhausted(), SetupError()])
def test_what_ends_the_run_is_raised(error: Exception) -> None:
    """Where no row was answered before."""
    with pytest.raises(type(error)):
        outcomes(FakeClient(lambda rows: error), update(1))


@pytest.mark.parametrize("error", [AuthError(), QuotaExhausted(), SetupError()])
def test_receipts_in_hand_are_never_lost(error: Exception) -> None:
    """Rows that were answered keep their receipts; the rest comes again."""
    client = FakeClient(lambda rows: error if len(client.sent) > 1 else [good(r) for r in rows])
    assert outcomes(client, update(*range(250))) == ["done"] * 200 + ["retry"] * 50


def test_a_field_refused_for_all_rows_is_setup() -> None:
    """It names the field; one row alone among good ones is a refusal."""
    refusal = bad("INVALID_FIELD_FOR_INSERT_UPDATE", "no", "S__c")
    with pytest.raises(SetupError, match="S__c"):
        outcomes(FakeClient(lambda rows: [refusal for _ in rows]), update(1, 2))
    client = FakeClient(lambda rows: [refusal, *(good(r) for r in rows[1:])])
    assert outcomes(client, update(1, 2)) == ["rejected", "done"]


def test_halving_has_an_end() -> None:
    """Automation that fails for every row costs a bounded number of calls."""
    client = FakeClient(lambda rows: [bad("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY") for _ in rows])
    assert outcomes(client, update(*range(200))) == ["rejected"] * 200
    assert len(client.sent) <= HALVING_CALLS + 3


def test_pauses_between_rounds_of_locks_are_jittered() -> None:
    """One to sixty seconds, and none where other rows were the cause."""
    client = FakeClient(lambda rows: [bad("UNABLE_TO_LOCK_ROW") for _ in rows])
    slept: list[float] = []
    client.ports = make_ports()
    object.__setattr__(client.ports, "sleep", slept.append)
    assert outcomes(client, update(1, 2, 3, 4)) == ["retry"] * 4
    assert len(slept) == 5
    assert all(1 <= pause <= 60 for pause in slept)
    slept.clear()
    client._reply = lambda rows: [bad("PROCESSING_HALTED") for _ in rows]
    outcomes(client, update(1, 2))
    assert slept == []


@pytest.mark.parametrize(
    "batch",
    [
        Batch(Op.UPDATE, "Account", update(1).rows.vstack(update(1).rows)),
        Batch(Op.UPDATE, "Account", update(1, 2).rows.with_columns(id=pl.lit("x"))),
        Batch(Op.UPDATE, "Account", update(1).rows.with_columns(id=pl.lit(None, pl.String))),
        Batch(Op.UPDATE, "Account", update(1).rows.with_columns(S__c=pl.lit(float("nan")))),
        Batch(Op.UPSERT, "E__c", upsert("a").rows),
        Batch(
            Op.UPSERT,
            "E__c",
            upsert("a").rows.with_columns(K__c=pl.lit(None, pl.String)),
            key_field="K__c",
        ),
        Batch(Op.CREATE_ONCE, "Task", create(1).rows),
        Batch(Op.CREATE_ONCE, "Task", create(1, 2).rows, claim=create(1).claim),
    ],
)
def test_broken_batches_are_not_sent(batch: Batch) -> None:
    """A bug of ours is caught before it does harm."""
    client = FakeClient(lambda rows: [good(r) for r in rows])
    with pytest.raises(BrokenInvariant):
        outcomes(client, batch)
    assert client.sent == []


def test_no_rows_need_no_call() -> None:
    """An empty batch has no receipts."""
    client = FakeClient(lambda rows: [])
    assert outcomes(client, Batch(Op.UPDATE, "Account", update(1).rows.clear())) == []
    assert client.sent == []
