"""Salesforce, as the core sees it: the members of `Connector`, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from connectors.salesforce.client import Client
from connectors.salesforce.describe import Describer
from connectors.salesforce.errors import not_json
from connectors.salesforce.read import Reader
from connectors.salesforce.settings import Settings
from connectors.salesforce.soql import select
from connectors.salesforce.write import Writer
from crm_health.connector import (
    Batch,
    Connector,
    Identity,
    ObjectInfo,
    Op,
    Page,
    Ports,
    Request,
    Usage,
)
from crm_health.errors import Unavailable


class SalesforceConnector:
    """One org. Made by `connect`; its members are described in `crm_health.connector`."""

    def __init__(self, client: Client, page_rows: int | None = None) -> None:
        self._client = client
        self._describer = Describer(client)
        self._reader = Reader(
            client,
            self._describer,
            page_rows,
            bulk_from=client.settings.bulk_from,
            bulk_page=client.settings.bulk_page,
        )
        self._writer = Writer(client, client.settings.bulk_write_from)

    @classmethod
    def of(
        cls,
        settings: Settings,
        ports: Ports,
        api_version: str,
        *,
        page_rows: int | None = None,
    ) -> SalesforceConnector:
        """A connector with settings that are already read.

        Args:
            settings: from `connectors.salesforce.settings.load`.
            ports: clock, budget, log.
            api_version: such as `62.0`.
            page_rows: rows of a REST page, 200 to 2,000; None leaves it to the service.
        """
        return cls(Client(settings, ports, api_version), page_rows)

    def identity(self) -> Identity:
        """The org's id, clock, zone, and whether it is a Salesforce sandbox."""
        query = select(["Id", "IsSandbox", "TimeZoneSidKey"], "Organization")
        answer = self._client.get(f"{self._client.data}/query", {"q": query})
        parsed = answer.json()
        records = parsed.get("records") if isinstance(parsed, dict) else None
        if not isinstance(records, list) or len(records) != 1:
            raise not_json("identity")
        if answer.now is None:
            raise Unavailable("Salesforce's answers carry no date.", code="CH-SF-DATE")
        org = records[0]
        return Identity(
            org_id=str(org["Id"]),
            now=answer.now,
            is_sandbox=bool(org.get("IsSandbox")),
            time_zone=org.get("TimeZoneSidKey"),
        )

    def settle(self) -> None:
        """End the ingest jobs that an earlier run left; see `connectors.salesforce.bulk_ingest`."""
        self._writer.settle()

    def describe(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        """Objects that the org has and the user may see."""
        shapes = self._describer.shapes(objects)
        return {name: shape.info for name, shape in shapes.items()}

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """Pages of what changed; see `connectors.salesforce.read`."""
        return self._reader.changes(requests)

    def ids(self, object: str) -> Iterator[pl.Series]:
        """Ids of all live rows."""
        return self._reader.ids(object)

    def write(self, batch: Batch) -> pl.DataFrame:
        """Receipts of a batch; see `connectors.salesforce.write`."""
        return self._writer.write(batch)

    def batch_size(self, op: Op, rows: int) -> int:
        """10,000 where a Bulk job takes them; else 200, or 75 for creates with a claim."""
        return self._writer.batch_size(op, rows)

    def calls_for(self, op: Op, rows: int) -> int:
        """One call a batch, or those of the jobs, of which each is taken to be looked at once."""
        return self._writer.calls_for(op, rows)

    def usage(self) -> Usage:
        """Calls made so far."""
        return self._client.usage()

    def close(self) -> None:
        """Drop the session."""
        self._client.close()


_: type[Connector] = SalesforceConnector
