"""Properties and their group: which an object type has, which can't serve, making the others.

The key of the episodes should be unique, and whether an account allows that on tasks is proven by
making it so. Where it does not, or an older property stands there, the key is a plain text and
each episode is claimed on its company first, in a property made for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.hubspot.client import BATCH, Client
from connectors.hubspot.errors import Refused, fault_in
from connectors.hubspot.provision_found import Found
from connectors.hubspot.provision_making import GROUP, THERE, listed, refusal
from connectors.hubspot.provision_types import TEXT, fits, option_bodies
from connectors.hubspot.provision_wanted import NewProperty, Wanted
from crm_health.connector import Step
from crm_health.errors import SetupError

_UNIQUE = (
    "Its values must be unique, or nothing would keep off a second record, and this account may "
    "take no (more) unique properties there."
)


class Properties:
    """Looks at the properties of one account, and makes ours."""

    def __init__(self, client: Client, wanted: Wanted) -> None:
        self._client = client
        self._wanted = wanted
        #: The account takes no unique key for episodes: learned by trying.
        self._refused = False

    def look(self, names: set[str], found: Found) -> None:
        """Note what these object types have and lack."""
        held = {name: self._held(name) for name in sorted(names)}
        wanted = [new for new in self._wanted.properties if new.object in names]
        for new in self._with_claims(wanted, held, found):
            there = held[new.object].get(new.name)
            why = fits(new.type, there) if there is not None else ""
            if why:
                found.wrong.append(f"{new.shown} must be {new.type}: {why}")
            more = _more_options(new, there) if there is not None and not why else []
            found.steps.append(new.step(done=there is not None and not more))
            found.properties += [new] if there is None else []
            found.options += [(new, more)] if more else []
        for name in sorted(names):
            groups = {str(g["name"]) for g in listed(self._client, self._client.paths.groups(name))}
            if GROUP in groups:
                found.steps.append(Step("property group", f"{name}.{GROUP}", done=True))
            elif any(new.object == name for new in found.properties):
                # A custom object is made with its properties, and has a group of its own for them.
                found.groups.add(name)
                found.steps.append(Step("property group", f"{name}.{GROUP}", done=False))

    def make_group(self, name: str) -> None:
        """Make the group of one object type."""
        body = {"name": GROUP, "label": "Customer health", "displayOrder": -1}
        try:
            self._client.post(self._client.paths.groups(name), body)
        except Refused as error:
            if error.fault.category not in THERE:
                raise refusal(f"the property group {GROUP} of {name}", error) from None

    def make(self, new: list[NewProperty]) -> None:
        """Make properties, of whatever objects.

        Raises:
            SetupError: HubSpot refused one.
        """
        for name in sorted({one.object for one in new}):
            mine = [one for one in new if one.object == name]
            # Unique ones alone: an account that allows none must say so by name.
            for one in mine:
                if one.type.unique:
                    self._make_unique(one)
            plain = [one for one in mine if not one.type.unique]
            for start in range(0, len(plain), BATCH):
                self._send(name, plain[start : start + BATCH])

    def add_options(self, new: NewProperty, options: list[dict[str, Any]]) -> None:
        """Give a list all the options that it must have."""
        path = self._client.paths.one_property(new.object, new.name)
        self._client.send("PATCH", path, {"options": options})

    def _held(self, name: str) -> dict[str, dict[str, Any]]:
        found = listed(self._client, self._client.paths.properties(name))
        return {str(one["name"]): one for one in found}

    def _with_claims(
        self,
        wanted: list[NewProperty],
        held: Mapping[str, Mapping[str, dict[str, Any]]],
        found: Found,
    ) -> list[NewProperty]:
        """What is wanted, with claims on the company where the key is or will not be unique."""
        claims = self._wanted.claims
        key = next((n for n in wanted if n.shown == self._wanted.claimed and n.type.unique), None)
        if key is None or claims is None:
            return wanted
        there = held[key.object].get(key.name)
        if there is not None and there.get("hasUniqueValue") is True:
            return wanted
        if there is None and not self._refused:
            return wanted
        why = f"the account takes none there, so each task is claimed in {claims.shown} first"
        found.steps.append(Step("unique values", key.shown, done=False, not_here=why))
        plain = replace(key, type=TEXT)
        return [*(plain if new is key else new for new in wanted), claims]

    def _make_unique(self, new: NewProperty) -> None:
        try:
            self._send(new.object, [new])
        except SetupError:
            if new.shown != self._wanted.claimed or self._wanted.claims is None:
                raise
            self._refused = True

    def _send(self, name: str, new: list[NewProperty]) -> None:
        shown = ", ".join(one.shown for one in new)
        more = _UNIQUE if new[0].type.unique else ""
        try:
            path = self._client.paths.property_batch(name, "create")
            inputs = [{**one.definition(), "groupName": GROUP} for one in new]
            answer = self._client.post(path, {"inputs": inputs}).json()
        except Refused as error:
            if error.fault.category not in THERE:
                raise refusal(shown, error, more) from None
            return
        faults = [fault_in(e) for e in answer.get("errors") or () if isinstance(e, dict)]
        bad = [fault for fault in faults if fault.category not in THERE]
        if bad:
            raise refusal(shown, Refused("", bad[0]), more)


def _more_options(new: NewProperty, held: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All options that the property must have, where it lacks some; else none."""
    if new.type.type != "enumeration" or held.get("externalOptions"):
        return []
    there = [one for one in held.get("options") or () if isinstance(one, dict)]
    values = {str(one.get("value")) for one in there}
    lacking = [word for word in new.type.options if word not in values]
    # HubSpot replaces the list by what is sent, so the old ones go along.
    return [*there, *option_bodies(lacking, len(there))] if lacking else []
