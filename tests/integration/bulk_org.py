"""What the tests of ingest jobs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
from salesforce_org import updates

from connectors.salesforce.connector import SalesforceConnector
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch

Job = Callable[..., SalesforceConnector]
ENDED = {"JobComplete", "Failed", "Aborted"}


def named(ids: Sequence[str], text: str = "new") -> Batch:
    return updates(ids, Name=[text] * len(ids))


def states(sandbox: Sandbox) -> list[str]:
    return [found["state"] for found in sandbox.jobs()]


def names(sandbox: Sandbox) -> dict[str, str]:
    return {row["Id"]: row["Name"] for row in sandbox.records("Account")}


def outcomes(receipts: pl.DataFrame) -> list[str]:
    return receipts["outcome"].to_list()
