"""HubSpot, as the core sees it: the members of `Connector`, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from connectors.hubspot.client import Client
from connectors.hubspot.describe import Describer
from connectors.hubspot.errors import not_json
from connectors.hubspot.read import PAGE_ROWS, Reader
from connectors.hubspot.settings import Settings
from connectors.hubspot.write import Writer
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

#: Accounts in which nothing real can be harmed.
_SANDBOXES = frozenset({"SANDBOX", "DEVELOPER_TEST"})


class HubSpotConnector:
    """One account. Made by `connect`; its members are described in `crm_health.connector`."""

    def __init__(self, client: Client, page_rows: int = PAGE_ROWS) -> None:
        self._client = client
        self._describer = Describer(client)
        self._reader = Reader(client, self._describer, page_rows)
        self._writer = Writer(client)

    @classmethod
    def of(
        cls,
        settings: Settings,
        ports: Ports,
        api_version: str,
        *,
        page_rows: int = PAGE_ROWS,
    ) -> HubSpotConnector:
        """A connector with settings that are already read.

        Args:
            settings: from `connectors.hubspot.settings.load`.
            ports: clock, budget, log.
            api_version: `v3`, or a date such as `2026-09`.
            page_rows: rows of a page of a list, about.
        """
        return cls(Client(settings, ports, api_version), page_rows)

    def identity(self) -> Identity:
        """The account's id, clock, zone, and whether it is for tests only."""
        answer = self._client.get(self._client.paths.account)
        told = answer.json()
        if "portalId" not in told:
            raise not_json("identity")
        if answer.now is None:
            raise Unavailable("HubSpot's answers carry no date.", code="CH-HS-DATE")
        zone = told.get("timeZone")
        self._client.zone = str(zone) if zone else None
        return Identity(
            org_id=str(told["portalId"]),
            now=answer.now,
            is_sandbox=told.get("accountType") in _SANDBOXES,
            time_zone=self._client.zone,
        )

    def settle(self) -> None:
        """Nothing outlasts a call here."""

    def describe(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        """Objects that the account has; a hidden one says which scope the token lacks."""
        found = {name: shape.info for name, shape in self._describer.shapes(objects).items()}
        return found | self._describer.hidden(objects)

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """Pages of what changed; see `connectors.hubspot.read`."""
        return self._reader.changes(requests)

    def ids(self, object: str) -> Iterator[pl.Series]:
        """Ids of all live rows."""
        return self._reader.ids(object)

    def write(self, batch: Batch) -> pl.DataFrame:
        """Receipts of a batch; see `connectors.hubspot.write`."""
        return self._writer.write(batch)

    def batch_size(self, op: Op, rows: int) -> int:
        """100, whatever it is."""
        return self._writer.batch_size(op, rows)

    def calls_for(self, op: Op, rows: int) -> int:
        """One call a batch, and those for associations."""
        return self._writer.calls_for(op, rows)

    def usage(self) -> Usage:
        """Calls made so far."""
        return self._client.usage()

    def close(self) -> None:
        """Close connections."""
        self._client.close()


_: type[Connector] = HubSpotConnector
