"""Loaded records of custom objects that are not there yet, and their associations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: How mappings and loads name a portal's own object: without the portal's number.
SHORT = "p_"


class Waiting:
    """A story names custom objects that only `setup` makes: what is theirs waits here.

    Values of properties that are not there yet need no waiting: rows hold them unseen.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[Mapping[str, Any]]] = {}
        self._links: dict[str, list[Mapping[str, Any]]] = {}

    def keep_rows(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep the records of an object that does not exist."""
        self._rows.setdefault(name.casefold(), []).extend(rows)

    def keep_links(self, link: Mapping[str, Any]) -> None:
        """Keep associations `{from, to, pairs}` from an object that does not exist."""
        self._links.setdefault(str(link["from"]).casefold(), []).append(link)

    def take(self, name: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """The waiting records and associations of an object, which wait no more."""
        key = f"{SHORT}{name}".casefold()
        return self._rows.pop(key, []), self._links.pop(key, [])

    def copy(self) -> Waiting:
        """An independent copy."""
        twin = Waiting()
        twin._rows = {name: list(rows) for name, rows in self._rows.items()}
        twin._links = {name: list(links) for name, links in self._links.items()}
        return twin
