"""Records that are made only once: each is posted in one graph with its claim, all or nothing.

The claim's key is unique in the CRM. Where it exists already, the service rolls the graph back,
and that means the record was made before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import polars as pl

from connectors.salesforce.errors import faults_in
from connectors.salesforce.receipts import UNANSWERED, Receipt, from_faults, is_duplicate
from connectors.salesforce.soql import object_name
from connectors.salesforce.wire import prepared
from crm_health.connector import Batch, Outcome

#: Graphs of one call, as the service limits them.
GRAPHS_MAX = 75


def graphs_body(data: str, batch: Batch, claim: Batch, rows: pl.DataFrame) -> bytes:
    """The request for some rows of a batch; the number of a row is the id of its graph.

    Args:
        data: the path of the API, `/services/data/v62.0`.
        batch: says the object.
        claim: says the object of the claims and holds them for all rows of the batch.
        rows: the rows to send.
    """
    numbers = rows["seq"].implode()
    claims = {row.pop("seq"): row for row in _records(claim.rows, numbers)}
    graphs = []
    for row in _records(batch.rows, numbers):
        seq = row.pop("seq")
        posts = [
            ("claim", claim.object, claims[seq]),
            ("record", batch.object, row),
        ]
        graphs.append(
            {
                "graphId": str(seq),
                "compositeRequest": [
                    {
                        "method": "POST",
                        "url": f"{data}/sobjects/{object_name(name)}",
                        "referenceId": reference,
                        "body": record,
                    }
                    for reference, name, record in posts
                ],
            }
        )
    return orjson.dumps({"graphs": graphs})


def graph_receipts(
    answer: object, numbers: Iterable[int], key_field: str | None
) -> dict[int, Receipt]:
    """A receipt for each row sent, by the number in its graph."""
    listed = answer.get("graphs") if isinstance(answer, dict) else None
    found = {
        str(graph.get("graphId")): graph
        for graph in (listed if isinstance(listed, list) else [])
        if isinstance(graph, dict)
    }
    return {
        seq: _receipt(found[str(seq)], key_field) if str(seq) in found else UNANSWERED
        for seq in numbers
    }


def _records(rows: pl.DataFrame, numbers: pl.Series) -> Iterator[dict[str, Any]]:
    """New records. A null is left out: the CRM's own default then applies."""
    for row in prepared(rows.filter(pl.col("seq").is_in(numbers))).iter_rows(named=True):
        yield {name: value for name, value in row.items() if value is not None}


def _receipt(graph: dict[str, Any], key_field: str | None) -> Receipt:
    response = graph.get("graphResponse")
    parts = response.get("compositeResponse") if isinstance(response, dict) else None
    bodies = {
        part.get("referenceId"): part.get("body")
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict)
    }
    record = bodies.get("record")
    if graph.get("isSuccessful") is True:
        if not isinstance(record, dict) or not record.get("id"):
            return UNANSWERED
        return Receipt(Outcome.DONE, id=str(record["id"]), created=True)
    claimed = faults_in(bodies.get("claim"))
    if any(is_duplicate(fault, key_field) for fault in claimed):
        return Receipt(Outcome.DONE, created=False, code="DUPLICATE_VALUE")
    faults = claimed + faults_in(record)
    causes = [fault for fault in faults if fault.code != "PROCESSING_HALTED"] or faults
    return from_faults(causes)
