"""Small helps of the suite: open a connector, read to the end, make batches and rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from crm_health.connector import Batch, Connector, Op, Page, Ports, Request, Stream
from crm_health.testing.conformance.rig import Rig, Unsupported, Wire
from crm_health.testing.ports import make_ports


@contextmanager
def opened(rig: Rig, *, max_calls: int | None = None) -> Iterator[tuple[Connector, Ports]]:
    """A connector of the rig and its ports; pauses take no time."""
    ports = make_ports(max_calls=max_calls)
    connector = rig.connect(ports)
    try:
        yield connector, ports
    finally:
        connector.close()


def read(connector: Connector, stream: Stream, cursor: str | None = None) -> list[Page]:
    """All pages of one stream."""
    return list(connector.changes([Request(stream, cursor)]))


def run(rig: Rig, stream: Stream, cursor: str | None = None) -> list[Page]:
    """All pages of one stream, read by a connector of its own as each sync does."""
    with opened(rig) as (connector, _):
        return read(connector, stream, cursor)


def is_whole(pages: Sequence[Page]) -> bool:
    """Whether the CRM tells of no change, so that the next read is whole again."""
    return not pages[-1].cursor


def rows_of(pages: Sequence[Page]) -> dict[str, dict[str, Any]]:
    """The rows of some pages by id; a later one of the same id wins."""
    return {row["id"]: row for page in pages for row in page.rows.to_dicts()}


def some_rows(rig: Rig, count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows to seed, each with its own key."""
    s = rig.subject
    return [
        {
            s.key: f"seed-{n:06d}",
            s.text: f"text {n}",
            s.number: float(n),
            s.day: date(2026, 1, 1) + timedelta(days=n % 300),
        }
        for n in range(start, start + count)
    ]


def break_wire(rig: Rig, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None:
    """Plan a fault, or skip the test where this CRM can't have it."""
    try:
        rig.fault(wire, times, kind=kind, after=after)
    except Unsupported as reason:
        pytest.skip(str(reason))


def lock(rig: Rig, row_id: str, times: int) -> None:
    """Lock a row, or skip the test where this CRM locks none."""
    try:
        rig.lock(row_id, times)
    except Unsupported as reason:
        pytest.skip(str(reason))


def claims(rig: Rig) -> list[str]:
    """The claims that stand, sorted; they may be kept on the records themselves."""
    s = rig.subject
    held = [row[s.claim_key] for row in rig.truth(s.claim.object).values()]
    return sorted(claim for claim in held if claim is not None)


def updates(rig: Rig, rows: Sequence[tuple[str, dict[str, Any]]]) -> Batch:
    """An UPDATE of the subject: (id, values) each, with `seq`s from 1."""
    frame = pl.DataFrame(
        [{"seq": n, "id": row_id, **values} for n, (row_id, values) in enumerate(rows, 1)],
        infer_schema_length=None,
    )
    return Batch(Op.UPDATE, rig.subject.stream.object, frame)


def upserts(rig: Rig, rows: Sequence[dict[str, Any]]) -> Batch:
    """An UPSERT of the subject by its key, with `seq`s from 1."""
    frame = pl.DataFrame(
        [{"seq": n, **values} for n, values in enumerate(rows, 1)], infer_schema_length=None
    )
    return Batch(Op.UPSERT, rig.subject.stream.object, frame, key_field=rig.subject.key)


def creations(rig: Rig, keys: Sequence[str]) -> Batch:
    """A CREATE_ONCE of one row a key, claimed by that key; the rows themselves have no key."""
    s = rig.subject
    seqs = range(1, len(keys) + 1)
    rows = pl.DataFrame({"seq": seqs, s.text: [f"made for {key}" for key in keys]})
    claims = pl.DataFrame({"seq": seqs, s.claim_key: list(keys)})
    if s.ledger is not None:
        claims = claims.with_columns(pl.lit(s.account).alias(s.ledger.by))
    claim = Batch(Op.UPSERT, s.claim.object, claims, key_field=s.claim_key)
    return Batch(Op.CREATE_ONCE, s.stream.object, rows, claim=claim, ledger=s.ledger)


def by_seq(receipts: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """Receipts by the row they belong to; fails where a row has two."""
    found = {row["seq"]: row for row in receipts.to_dicts()}
    assert len(found) == receipts.height, "a row has two receipts"
    return found


def outcomes(receipts: pl.DataFrame) -> list[str]:
    """What became of the rows, by `seq`."""
    return [row["outcome"] for _, row in sorted(by_seq(receipts).items())]
