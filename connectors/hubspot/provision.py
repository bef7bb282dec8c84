"""`crm-health setup` for HubSpot: properties in a group of their own, custom objects, a pipeline.

Names in HubSpot are for ever, so what is there is looked at first; nothing is ever taken away or
changed in type. Options that a list of ours lacks are added to those that it has. What was made is
looked at again until it shows: HubSpot's answers may lag behind its writes.
"""

from __future__ import annotations

from connectors.hubspot.client import Client
from connectors.hubspot.provision_custom import CustomObjects
from connectors.hubspot.provision_found import Found
from connectors.hubspot.provision_pipeline import Pipelines
from connectors.hubspot.provision_properties import Properties
from connectors.hubspot.provision_wanted import Wanted, wanted
from connectors.hubspot.settings import load
from crm_health.config.mapping import Mapping
from crm_health.connector import Ports, Step
from crm_health.errors import SetupError

#: Seconds to wait, one after the other, for what was made to show: a minute in all.
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class HubSpotProvisioner:
    """Satisfies `Provisioner`. `apply` run twice changes nothing the second time."""

    def __init__(self, client: Client, mapping: Mapping) -> None:
        self._client = client
        self._wanted: Wanted = wanted(mapping)
        self._custom = CustomObjects(client)
        self._properties = Properties(client, self._wanted)
        self._pipelines = Pipelines(client)
        #: What this run made: it is not made again while it does not show.
        self._made: set[tuple[str, ...]] = set()

    def missing(self) -> list[Step]:
        """Everything that is needed, in the order of making; `done` where it is there.

        Raises:
            SetupError: a property is there with another type, or the pipeline with other ids; or
                the account may not have a custom object that the mapping can't do without.
        """
        return self._look().steps

    def apply(self) -> list[Step]:
        """Make what is missing; every step is done, or says why the account can't have it.

        Raises:
            SetupError: as `missing` (nothing is changed then), or the account refuses a part.
        """
        found = self._look()
        waits = iter(WAITS)
        while found.open:
            if not self._make(found):
                wait = next(waits, None)
                if wait is None:
                    names = ", ".join(step.name for step in found.open)
                    raise SetupError(
                        f"HubSpot took {names} but does not show it yet: run `crm-health setup` "
                        "again in a few minutes.",
                        code="CH-HS-UNSEEN",
                    )
                self._client.ports.sleep(wait)
            found = self._look()
        return found.steps

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _look(self) -> Found:
        found = Found()
        there = self._custom.look(self._wanted.custom, found)
        absent = {new.name for new in self._wanted.custom} - there
        self._properties.look(set(self._wanted.objects()) - absent, found)
        if self._wanted.pipeline is not None:
            self._pipelines.look(self._wanted.pipeline, found)
        if found.wrong:
            raise SetupError(
                f"{'; '.join(found.wrong)}. Nothing was changed: name others in the mapping, or "
                "change these by hand.",
                code="CH-HS-TYPE",
            )
        return found

    def _make(self, found: Found) -> bool:
        """Make what is missing and was not made before; whether there was any."""
        before = len(self._made)
        for new in found.objects:
            if self._first("object", new.name):
                self._custom.make(new)
        for new, end in found.ends:
            if self._first("end", new.name, end):
                self._custom.associate(new, end)
        for name in sorted(found.groups):
            if self._first("group", name):
                self._properties.make_group(name)
        self._properties.make(
            # An episode's key may come twice: unique, and plain where that was refused.
            [p for p in found.properties if self._first("property", p.shown, str(p.type))]
        )
        for listing, options in found.options:
            if self._first("options", listing.shown):
                self._properties.add_options(listing, options)
        if found.pipeline is not None and self._first("pipeline", found.pipeline.id):
            self._pipelines.make(found.pipeline)
        return len(self._made) > before

    def _first(self, *what: str) -> bool:
        """Whether this is made for the first time in this run; it counts as made from now on."""
        known = what in self._made
        self._made.add(what)
        return not known


def provisioner(ports: Ports, api_version: str, mapping: Mapping) -> HubSpotProvisioner:
    """A provisioner with settings from the environment.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    return HubSpotProvisioner(Client(load(api_version, admin=True), ports, api_version), mapping)
