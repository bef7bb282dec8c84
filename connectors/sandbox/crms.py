"""The CRMs that the sandbox plays: how each is filled with the story, and reached by crm-health."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.sandbox.handle import Sandbox, environment
from connectors.sandbox.hubspot.handle import hubspot_environment
from connectors.sandbox.story import Change, Story, portal


@dataclass(frozen=True)
class Crm:
    """One of them, as seen from outside."""

    #: As crm-health and people call it.
    name: str
    label: str
    #: What `setup` makes there.
    things: str
    #: Puts a story in, before setup: values of what is not there yet wait for it. Returns how
    #: many records by object.
    load: Callable[[Sandbox, Story], dict[str, int]]
    #: A person makes one change of the story; returns the id of the record there.
    save: Callable[[Sandbox, Change], str]
    #: Base URL of a sandbox -> the variables that point crm-health there, setup's too.
    variables: Callable[[str], dict[str, str]]
    #: Seconds until what was written can be found: none where reads see each write at once.
    settles: float = 0.0


def _load_salesforce(box: Sandbox, story: Story) -> dict[str, int]:
    box.load(story.records)
    return {name: len(rows) for name, rows in story.records.items()}


def _save_salesforce(box: Sandbox, change: Change) -> str:
    return str(box.edit(change.object, change.id, change.fields))


def _salesforce_variables(url: str) -> dict[str, str]:
    admin = environment(url, "sandbox-admin")
    return {
        **environment(url),
        # Setup runs as the administrator.
        "CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID": admin["CRM_HEALTH_SALESFORCE_CLIENT_ID"],
        "CRM_HEALTH_SALESFORCE_SETUP_CLIENT_SECRET": admin["CRM_HEALTH_SALESFORCE_CLIENT_SECRET"],
    }


def _load_hubspot(box: Sandbox, story: Story) -> dict[str, int]:
    return portal.load(box.hubspot, story)


def _save_hubspot(box: Sandbox, change: Change) -> str:
    return portal.save(box.hubspot, change)


def _hubspot_variables(url: str) -> dict[str, str]:
    return {"CRM_HEALTH_CRM": "hubspot", **hubspot_environment(url)}


CRMS: dict[str, Crm] = {
    crm.name: crm
    for crm in (
        Crm(
            "salesforce",
            "Salesforce",
            "fields, objects and rights",
            _load_salesforce,
            _save_salesforce,
            _salesforce_variables,
        ),
        Crm(
            "hubspot",
            "HubSpot",
            "properties, objects and a pipeline",
            _load_hubspot,
            _save_hubspot,
            _hubspot_variables,
            settles=60.0,
        ),
    )
}
