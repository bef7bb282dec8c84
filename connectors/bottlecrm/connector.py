"""BottleCRM, as the core sees it: the members of `Connector`, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.describe import Describer
from connectors.bottlecrm.errors import odd
from connectors.bottlecrm.read import PAGE_ROWS, Reader
from connectors.bottlecrm.settings import Settings
from connectors.bottlecrm.write import Writer
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

_ORG = "/api/org/settings/"


class BottleCrmConnector:
    """One org. Made by `connect`; its members are described in `crm_health.connector`."""

    def __init__(self, client: Client, page_rows: int = PAGE_ROWS) -> None:
        self._client = client
        self._describer = Describer(client)
        self._reader = Reader(client, self._describer, page_rows)
        self._writer = Writer(client, self._describer)

    @classmethod
    def of(cls, settings: Settings, ports: Ports, *, page_rows: int = PAGE_ROWS) -> Self:
        """A connector with settings that are already read.

        Args:
            settings: from `connectors.bottlecrm.settings.load`.
            ports: clock, budget, log.
            page_rows: rows of a page of a list, 200 at most.
        """
        return cls(Client(settings, ports), page_rows)

    def identity(self) -> Identity:
        """The org's id, clock and zone."""
        answer = self._client.get(_ORG)
        told = answer.json()
        if not isinstance(told.get("id"), str) or not told["id"]:
            raise odd("the org")
        if answer.now is None:
            raise Unavailable("BottleCRM's answers carry no date.", code="CH-BC-DATE")
        zone = told.get("timezone")
        return Identity(
            org_id=told["id"],
            now=answer.now,
            time_zone=zone if isinstance(zone, str) and zone else None,
        )

    def settle(self) -> None:
        """Nothing outlasts a call here."""

    def describe(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        """Objects that the org has and the token may list."""
        return self._describer.infos(objects)

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """Pages of all there is; see `connectors.bottlecrm.read`."""
        return self._reader.changes(requests)

    def ids(self, object: str) -> Iterator[pl.Series]:
        """Ids of all live rows."""
        return self._reader.ids(object)

    def write(self, batch: Batch) -> pl.DataFrame:
        """Receipts of a batch; see `connectors.bottlecrm.write`."""
        return self._writer.write(batch)

    def batch_size(self, op: Op, rows: int) -> int:
        """50, whatever it is."""
        return self._writer.batch_size(op, rows)

    def calls_for(self, op: Op, rows: int) -> int:
        """One call a row or, where a record is made, three."""
        return self._writer.calls_for(op, rows)

    def usage(self) -> Usage:
        """Calls made so far."""
        return self._client.usage()

    def close(self) -> None:
        """Close connections."""
        self._client.close()


_: type[Connector] = BottleCrmConnector
