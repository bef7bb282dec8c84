"""What all parts of setup share: what is listed, what is there already, how a refusal is told."""

from __future__ import annotations

from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.errors import Refused
from crm_health.errors import SetupError

#: The group of all properties that setup makes.
GROUP = "crm_health"
#: Categories of "it is there already": somebody else, or a call whose answer was lost, made it.
THERE = frozenset({"OBJECT_ALREADY_EXISTS", "CONFLICT"})


def listed(client: Client, path: str) -> list[dict[str, Any]]:
    """The `results` of a list that comes whole."""
    found = client.get(path).json().get("results")
    return [one for one in found or () if isinstance(one, dict)]


def refusal(what: str, error: Refused, more: str = "") -> SetupError:
    """The error for a part that HubSpot refused."""
    text = f"HubSpot refused to make {what} ({error.fault.code})."
    return SetupError(f"{text} {more}".strip(), code=error.fault.code)
