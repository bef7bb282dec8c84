"""What the tests compare of each CRM: what a sync may write, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connectors.hubspot import provisioner as hubspot_provisioner
from connectors.salesforce import provisioner as salesforce_provisioner
from connectors.sandbox.crms import CRMS, Crm
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Ports, Provisioner
from tests.unit.hubspot_help import Hub

#: Object, then key of ours or id, then field.
Truth = dict[str, dict[str, dict[str, Any]]]
Rows = Iterable[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Sight:
    """One CRM, seen from behind."""

    crm: Crm
    provisioner: Callable[[Ports, str, Any], Provisioner]
    objects: tuple[str, ...]
    #: Every record of these objects, with its object.
    rows: Callable[[Sandbox], Rows]
    #: A record's key of ours, where it has one.
    key: Callable[[dict[str, Any]], str | None]
    #: Whether a field's value is the CRM's own, and other for a record made at another moment.
    passing: Callable[[str, str], bool]
    #: Seconds that pass between two syncs, so that search learns of some of what was written.
    breath: float = 0.0

    def truth(self, sandbox: Sandbox) -> Truth:
        """What the CRM holds."""
        found: Truth = {name: {} for name in self.objects}
        for name, row in self.rows(sandbox):
            kept, key = found[name], self.key(row) or row.get("Id") or row["id"]
            assert key not in kept, f"{name} holds {key} twice"
            kept[key] = {k: v for k, v in row.items() if not self.passing(name, k)}
        return found

    def keys(self, sandbox: Sandbox) -> list[str]:
        """Object and key, without its seal, of every record of ours."""
        told = ((name, self.key(row)) for name, row in self.rows(sandbox))
        return [f"{name} {key.split('#')[0]}" for name, key in told if key]


# -- Salesforce -------------------------------------------------------------------------------

_SALESFORCE = ("Account", "Task", "Health_Episode__c", "Health_Escalation__c")
_STAMPS = {"Id", "Name", "CreatedDate", "LastModifiedDate", "SystemModstamp", "LastModifiedById"}


def _salesforce(sandbox: Sandbox) -> Rows:
    return ((name, row) for name in _SALESFORCE for row in sandbox.records(name))


def _salesforce_key(row: dict[str, Any]) -> str | None:
    return row.get("Health_Key__c")


# -- HubSpot ----------------------------------------------------------------------------------

_HUBSPOT = ("companies", "tickets", "tasks")
#: What the associations of tickets and tasks are compared to.
_ENDS = ("companies", "contacts")
_ASKED = 1_000
#: Properties that a save of its own moves, ours among them.
_MOVED = {
    "id",
    "archived",
    "createdate",
    "lastmodifieddate",
    "hs_createdate",
    "hs_lastmodifieddate",
    "hs_object_id",
    "hs_ticket_id",
    "hs_helpdesk_sort_timestamp",
    "closed_date",
    "hs_last_closed_date",
    "time_to_close",
    "hs_task_completion_date",
    "health_claims",
}


def _hubspot(sandbox: Sandbox) -> Rows:
    hub = Hub(sandbox)
    try:
        for name in _HUBSPOT:
            rows = [row for row in sandbox.hubspot.records(name) if not row["archived"]]
            ends = {} if name == "companies" else _associations(hub, name, [r["id"] for r in rows])
            for row in rows:
                yield name, {**row, **ends.get(row["id"], {})}
    finally:
        hub.close()


def _associations(hub: Hub, name: str, ids: list[str]) -> dict[str, dict[str, list[str]]]:
    """Record id to object type to the ids of what it hangs on, each with its types."""
    found: dict[str, dict[str, list[str]]] = {i: {} for i in ids}
    for end in _ENDS:
        for first in range(0, len(ids), _ASKED):
            asked = {"inputs": [{"id": i} for i in ids[first : first + _ASKED]]}
            told = hub.post(f"/crm/v4/associations/{name}/{end}/batch/read", asked)
            for one in told["results"]:
                found[str(one["from"]["id"])][f"on {end}"] = sorted(
                    f"{to['toObjectId']} by {kind['typeId']}"
                    for to in one["to"]
                    for kind in to["associationTypes"]
                )
    return found


def _hubspot_key(row: dict[str, Any]) -> str | None:
    return row.get("health_episode_key") or row.get("health_escalation_key")


def _hubspot_passing(name: str, field: str) -> bool:
    if name == "companies":
        # Of what a company is, the rest moves with everything that is logged on it.
        ours = field.startswith("health_") and field not in _MOVED
        return not ours and field not in ("name", "lifecyclestage", "hubspot_owner_id")
    return field in _MOVED


SALESFORCE = Sight(
    CRMS["salesforce"],
    salesforce_provisioner,
    _SALESFORCE,
    _salesforce,
    _salesforce_key,
    lambda _, field: field in _STAMPS,
)
HUBSPOT = Sight(
    CRMS["hubspot"],
    hubspot_provisioner,
    _HUBSPOT,
    _hubspot,
    _hubspot_key,
    _hubspot_passing,
    breath=3.0,
)
