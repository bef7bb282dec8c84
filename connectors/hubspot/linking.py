"""Associations that our rows ask for: with a new record, or after it by a step of their own.

Associating what is associated already changes nothing, so any of it may come twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.hubspot.client import Client
from crm_health.errors import SetupError

_HUBSPOT = "HUBSPOT_DEFINED"


class Linker:
    """Associates records of one account by the plain type, which every pair of types has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: Object types to the number of their plain association.
        self._types: dict[tuple[str, str], int] = {}

    def new(self, start: str, targets: Mapping[str, str]) -> list[dict[str, Any]]:
        """The `associations` of a record that is about to be made.

        Args:
            start: its object type.
            targets: object type to the id of the record there.
        """
        return [
            {
                "to": {"id": other},
                "types": [
                    {
                        "associationCategory": _HUBSPOT,
                        "associationTypeId": self._plain(start, end),
                    }
                ],
            }
            for end, other in targets.items()
        ]

    def associate(
        self, start: str, end: str, pairs: Sequence[tuple[str, str]]
    ) -> tuple[set[tuple[str, str]], dict[str, Any]]:
        """Associate pairs of records; those that are now, and the whole answer.

        Raises:
            Rejected, SetupError, Unavailable, ...: as any call.
        """
        sent = [{"from": {"id": near}, "to": {"id": far}} for near, far in pairs]
        path = self._client.paths.associations(start, end, "associate/default")
        answer = self._client.post(path, {"inputs": sent}).json()
        made = {pair for one in answer.get("results") or () if (pair := _pair(one)) is not None}
        return {pair for pair in pairs if pair in made or pair[::-1] in made}, answer

    def _plain(self, start: str, end: str) -> int:
        if (start, end) not in self._types:
            told = self._client.get(self._client.paths.labels(start, end)).json()
            plain = [
                one["typeId"]
                for one in told.get("results") or ()
                if one.get("category") == _HUBSPOT and one.get("label") is None
            ]
            if not plain:
                raise SetupError(
                    f"HubSpot can't associate {start} with {end}: correct the mapping.",
                    code="CH-HS-LINK",
                )
            self._types[start, end] = int(plain[0])
        return self._types[start, end]


def _pair(result: Any) -> tuple[str, str] | None:
    """The two ids of a result: nested, or flat and as numbers, as the other call answers."""
    try:
        if "fromObjectId" in result:
            return str(result["fromObjectId"]), str(result["toObjectId"])
        return str(result["from"]["id"]), str(result["to"]["id"])
    except (KeyError, TypeError):
        return None
