"""Custom objects: which are there, which this account may have, making them.

They are part of HubSpot's Enterprise editions. Who has none does without those that the mapping
reads as optional; for one that it can't do without a refusal is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.describe import MISSING_SCOPES, by_bare_name
from connectors.hubspot.errors import Refused
from connectors.hubspot.provision_found import Found
from connectors.hubspot.provision_making import listed, refusal
from connectors.hubspot.provision_wanted import NewObject
from crm_health.connector import Step
from crm_health.errors import AuthError, SetupError

#: Object types of HubSpot's own that ours hang on, as schemas name them.
TYPE_IDS = {"companies": "0-2", "contacts": "0-1"}
_WHAT = "custom object"
_EDITIONS = "custom objects are part of HubSpot's Enterprise editions"


@dataclass
class Room:
    """Custom objects that an account has and may have; without a limit, it did not say."""

    usage: int = 0
    limit: int | None = None

    def take(self) -> str:
        """Take room for one; why there is none, or an empty text."""
        if self.limit == 0:
            return f"this account may have none: {_EDITIONS}"
        if self.limit is not None and self.usage >= self.limit:
            return f"this account has {self.usage} custom objects and may have {self.limit}"
        self.usage += 1
        return ""


class CustomObjects:
    """Looks at the custom objects of one account, and makes ours."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: Name to why the account does not take it: learned by trying.
        self._refused: dict[str, str] = {}
        #: Made by this run: they take room already while no list shows them.
        self._made: set[str] = set()

    def look(self, wanted: tuple[NewObject, ...], found: Found) -> set[str]:
        """Note what is there and what is to be made; returns the names of those that are there.

        Raises:
            SetupError: the account may not have one that the mapping can't do without.
            AuthError: the token may not see them, and the mapping can't do without one.
        """
        if not wanted:
            return set()
        try:
            there = self._there()
        except AuthError as error:
            if error.code != MISSING_SCOPES or any(new.needed for new in wanted):
                raise
            why = error.message
            found.steps += [Step(_WHAT, new.name, done=False, not_here=why) for new in wanted]
            return set()
        absent = [new for new in wanted if new.bare not in there]
        room = self._room() if absent else Room()
        # Those that the mapping needs get what room there is.
        for new in sorted(absent, key=lambda one: not one.needed):
            made = new.name in self._made
            why = "" if made else self._refused.get(new.name) or room.take()
            if why and new.needed:
                raise _needed(new, why)
            found.steps.append(Step(_WHAT, new.name, done=False, not_here=why))
            if not why:
                found.objects.append(new)
                # Its properties come with it, and their names are for ever too.
                found.steps += [one.step(done=False) for one in new.properties]
        for new in wanted:
            if new.bare in there:
                ends = _open_ends(new, there[new.bare])
                found.steps.append(Step(_WHAT, new.name, done=True))
                found.steps += [Step("association", f"{new.name} to {e}", done=False) for e in ends]
                found.ends += [(new, end) for end in ends]
        return {new.name for new in wanted if new.bare in there}

    def make(self, new: NewObject) -> None:
        """Make one with all of its properties, or remember why the account does not take it.

        Raises:
            SetupError: the mapping can't do without it.
            AuthError: the token may not make it, and the mapping can't do without it.
        """
        body = {
            "name": new.bare,
            "labels": {"singular": new.label, "plural": f"{new.label} records"},
            "description": "Made by crm-health.",
            "primaryDisplayProperty": new.title,
            "requiredProperties": [new.title],
            "searchableProperties": [new.title],
            "properties": [one.definition() for one in new.properties],
            "associatedObjects": [TYPE_IDS[end] for end in new.ends],
        }
        try:
            self._client.post(self._client.paths.schemas, body)
            self._made.add(new.name)
        except (Refused, AuthError) as error:
            # A call whose answer was lost may have made it, and then this one is refused.
            if new.bare in self._there():
                return
            missing = error.code == MISSING_SCOPES
            if new.needed and missing:
                raise
            why = error.message if missing else f"HubSpot refused it ({error.code}): {_EDITIONS}"
            if new.needed:
                raise _needed(new, why) from None
            self._refused[new.name] = why

    def associate(self, new: NewObject, end: str) -> None:
        """Let records of a custom object that is there hang on those of another object type."""
        there = self._there()[new.bare]
        body = {
            "fromObjectTypeId": str(there["objectTypeId"]),
            "toObjectTypeId": TYPE_IDS[end],
            "name": f"{new.bare}_to_{end}",
        }
        path = self._client.paths.schema_associations(str(there["objectTypeId"]))
        try:
            self._client.post(path, body)
        except Refused as error:
            again = self._there()[new.bare]
            if end in _open_ends(new, again):
                raise refusal(f"the association of {new.name} with {end}", error) from None

    def _there(self) -> dict[str, Mapping[str, Any]]:
        return by_bare_name(listed(self._client, self._client.paths.schemas))

    def _room(self) -> Room:
        """How many more the account may have, as far as it says."""
        try:
            told = self._client.get(self._client.paths.limits("custom-object-types")).json()
        except (Refused, SetupError, AuthError):
            return Room()  # not every account answers this: then trying tells
        usage, limit = told.get("usage"), told.get("limit")
        return Room(usage, limit) if isinstance(usage, int) and isinstance(limit, int) else Room()


def _needed(new: NewObject, why: str) -> SetupError:
    return SetupError(
        f"This account can't have the custom object {new.name}, which the mapping needs: {why}. "
        "Escalations may be tickets instead: see `write.escalation`. Nothing was changed.",
        code="CH-HS-CUSTOM",
    )


def _open_ends(new: NewObject, schema: Mapping[str, Any]) -> list[str]:
    """Object types that the schema's records should hang on and can't."""
    pairs = [one for one in schema.get("associations") or () if isinstance(one, dict)]
    known = {str(one.get(side)) for one in pairs for side in ("fromObjectTypeId", "toObjectTypeId")}
    return [end for end in new.ends if TYPE_IDS[end] not in known]
