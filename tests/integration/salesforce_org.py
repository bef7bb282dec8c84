"""What the tests of the Salesforce connector share: an org's streams, batches and rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from connectors.salesforce.connector import SalesforceConnector
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, FieldRead, Op, Page, Request, Stream
from crm_health.entities import Kind

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
ACCOUNT = Stream(
    "Account",
    (
        FieldRead("Name", Kind.TEXT),
        FieldRead("AnnualRevenue", Kind.NUMBER),
        FieldRead("NumberOfEmployees", Kind.TEXT),
        FieldRead("CreatedDate", Kind.INSTANT),
        FieldRead("LastActivityDate", Kind.DATE),
        FieldRead("IsDeleted", Kind.TEXT),
        FieldRead("Parent.Name", Kind.TEXT),
    ),
)
CONTACT = Stream("Contact", (FieldRead("AccountId", Kind.TEXT),))
EPISODE, ESCALATION = "Health_Episode__c", "Health_Escalation__c"
SCHEMA = [
    {
        "name": name,
        "key_prefix": prefix,
        "fields": [
            {
                "name": "Health_Key__c",
                "type": "string",
                "length": 255,
                "unique": True,
                "external_id": True,
            },
            {"name": "Health_Reason__c", "type": "string", "length": 255},
        ],
    }
    for name, prefix in ((EPISODE, "a01"), (ESCALATION, "a02"))
]
Make = Callable[..., SalesforceConnector]


def accounts(sandbox: Sandbox, count: int) -> list[str]:
    return [sandbox.edit("Account", None, {"Name": f"A{n:04d}"}) for n in range(count)]


def read(connector: SalesforceConnector, stream: Stream, cursor: str | None = None) -> list[Page]:
    return list(connector.changes([Request(stream, cursor)]))


def rows_of(pages: Sequence[Page]) -> pl.DataFrame:
    return pl.concat([page.rows for page in pages])


def updates(ids: Sequence[str], **columns: list[Any]) -> Batch:
    rows = pl.DataFrame({"seq": range(1, len(ids) + 1), "id": ids, **columns})
    return Batch(Op.UPDATE, "Account", rows.with_columns(pl.col("seq").cast(pl.Int64)))


def by_seq(receipts: pl.DataFrame) -> dict[int, dict[str, Any]]:
    return {row["seq"]: row for row in receipts.iter_rows(named=True)}


def escalations(keys: Sequence[str], reason: str) -> Batch:
    rows = pl.DataFrame(
        {
            "seq": range(1, len(keys) + 1),
            "Health_Key__c": keys,
            "Health_Reason__c": [reason] * len(keys),
        }
    ).with_columns(pl.col("seq").cast(pl.Int64))
    return Batch(Op.UPSERT, ESCALATION, rows, key_field="Health_Key__c")


def creates(account: str, keys: Sequence[str]) -> Batch:
    seq = pl.Series("seq", range(1, len(keys) + 1), dtype=pl.Int64)
    return Batch(
        Op.CREATE_ONCE,
        "Task",
        pl.DataFrame([seq, pl.Series("Subject", [f"Call {k}" for k in keys])]).with_columns(
            WhatId=pl.lit(account), Description=pl.lit(None, pl.String)
        ),
        claim=Batch(
            Op.UPSERT,
            EPISODE,
            pl.DataFrame([seq, pl.Series("Health_Key__c", list(keys))]),
            key_field="Health_Key__c",
        ),
    )
