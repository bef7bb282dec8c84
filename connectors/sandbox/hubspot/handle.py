"""Reach behind a sandbox's portal, from a test or the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot.tokens import PRIVATE

_LONG_TIMEOUT = 1_800.0


class HubSpot:
    """What people and admins do to the portal. Object types go by any of their names."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def _post(self, name: str, /, **body: Any) -> dict[str, Any]:
        return dict(self._call("POST", f"hubspot/{name}", body, timeout=_LONG_TIMEOUT))

    def status(self) -> dict[str, Any]:
        """What is in it."""
        return dict(self._call("GET", "hubspot"))

    def load(
        self,
        records: Mapping[str, Iterable[Mapping[str, Any]]],
        *,
        links: Iterable[Mapping[str, Any]] = (),
        properties: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        owners: Iterable[Mapping[str, Any]] = (),
    ) -> dict[str, int]:
        """Put records in as they are; returns how many by object type.

        Args:
            records: object type -> flat records: `id` and property values as texts.
            links: `{from, to, types, pairs}`; see `loading.load_records`.
            properties: object type -> definitions that the portal had before.
            owners: rows of `owner.Owner`.
        """
        body = {"records": records, "links": links, "properties": properties or {}}
        return dict(self._post("load", **body, owners=owners)["loaded"])

    def edit(self, object_name: str, record_id: str | None, properties: Mapping[str, Any]) -> str:
        """A person saves; without an id, creates. Returns the id."""
        answer = self._post("edit", object=object_name, id=record_id, properties=properties)
        return str(answer["id"])

    def volume(self, accounts: int, seed: int = 1) -> dict[str, int]:
        """Fill it with a company of that size; returns how many by object type.

        For N companies 2N contacts and 10N tickets. 100,000 take about a minute and 3 GB.
        """
        return dict(self._post("volume", accounts=accounts, seed=seed)["loaded"])

    def touch(self, percent: float, object_name: str = "tickets", seed: int = 1) -> int:
        """People save that share of an object's records now; returns how many."""
        answer = self._post("touch", object=object_name, percent=percent, seed=seed)
        return int(answer["touched"])

    def archive(self, object_name: str, record_id: str, *, erase: bool = False) -> None:
        """A person archives a record; with `erase`, for good."""
        self._post("archive", object=object_name, id=record_id, erase=erase)

    def unarchive(self, object_name: str, record_id: str) -> None:
        """A person brings a record back."""
        self._post("unarchive", object=object_name, id=record_id)

    def merge(self, object_name: str, winner: str, loser: str, *, new_id: bool = True) -> str:
        """A person merges two records; returns the survivor's id."""
        answer = self._post("merge", object=object_name, winner=winner, loser=loser, new_id=new_id)
        return str(answer["id"])

    def associate(
        self, start: str, record_id: str, end: str, other: str, types: Iterable[int] = ()
    ) -> None:
        """A person associates two records, by the plain type if none is named."""
        ends = {"from": start, "to": end, "id": record_id, "other": other}
        self._post("associate", **ends, types=list(types))

    def dissociate(self, start: str, record_id: str, end: str, other: str) -> None:
        """A person takes an association away."""
        self._post("dissociate", **{"from": start, "to": end, "id": record_id, "other": other})

    def records(self, object_name: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """Every record of an object type as stored, archived ones too; or those saved since."""
        body = {"object": object_name, "since": since.isoformat() if since else None}
        return list(self._call("GET", "hubspot/records", body)["records"])

    def define(self, object_name: str, *properties: Mapping[str, Any]) -> None:
        """Properties that the portal had before."""
        self._post("properties", object=object_name, properties=properties)

    def options(self, object_name: str, name: str, *options: str) -> None:
        """An admin adds options to a property."""
        self._post("options", object=object_name, name=name, options=options)

    def drop_property(self, object_name: str, name: str) -> None:
        """An admin archives a property."""
        self._post("drop_property", object=object_name, name=name)

    def settings(self, **settings: Any) -> dict[str, Any]:
        """Change how the portal behaves: see `control.settings`. Returns what holds now."""
        return self._post("settings", **settings)

    def tokens(self, **what: Any) -> dict[str, Any]:
        """Add, limit or revoke tokens: see `control.tokens`."""
        return self._post("tokens", **what)


def hubspot_environment(url: str) -> dict[str, str]:
    """The variables that point the connector at a sandbox. The token is public and worthless."""
    return {"CRM_HEALTH_HUBSPOT_TOKEN": PRIVATE, "CRM_HEALTH_HUBSPOT_BASE_URL": url}
