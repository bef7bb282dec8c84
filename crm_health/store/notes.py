"""The connector's notes: what it left under way in the CRM, by names of its own."""

from __future__ import annotations

from crm_health.store.runs import Runs

_PREFIX = "note:"


class Notes:
    """Satisfies `crm_health.connector.Notes` over the store's small state."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def get(self, name: str) -> str | None:
        """The text under the name."""
        return self._runs.get_value(_PREFIX + name)

    def set(self, name: str, text: str | None) -> None:
        """Keep the text, committed when this returns; None forgets it."""
        self._runs.set_value(_PREFIX + name, text)
