"""The kinds of association: HubSpot's own, and the labels that a portal adds.

An association is one line with two readings: from the ticket it is type 339, from the company 340.
The numbers are facts of the service; those of a custom object are the portal's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

HUBSPOT = "HUBSPOT_DEFINED"
USER = "USER_DEFINED"

_CONTACT, _COMPANY, _DEAL, _TICKET = "0-1", "0-2", "0-3", "0-5"
_LINE_ITEM, _FEEDBACK, _TASK = "0-8", "0-19", "0-27"
_NOTE, _MEETING, _CALL, _EMAIL = "0-46", "0-47", "0-48", "0-49"
# From, to, the number read that way, the number read back: the plain kind of each pair.
_PLAIN = (
    (_CONTACT, _COMPANY, 279, 280),
    (_CONTACT, _CONTACT, 449, 449),
    (_CONTACT, _DEAL, 4, 3),
    (_CONTACT, _TICKET, 15, 16),
    (_COMPANY, _COMPANY, 450, 450),
    (_COMPANY, _DEAL, 342, 341),
    (_COMPANY, _TICKET, 340, 339),
    (_DEAL, _DEAL, 451, 451),
    (_DEAL, _TICKET, 27, 28),
    (_TICKET, _TICKET, 452, 452),
    (_DEAL, _LINE_ITEM, 19, 20),
    (_FEEDBACK, _COMPANY, 928, 929),
    (_FEEDBACK, _CONTACT, 98, 97),
    (_FEEDBACK, _DEAL, 984, 985),
    (_FEEDBACK, _TICKET, 100, 99),
    (_FEEDBACK, _CALL, 1155, 1156),
    (_TASK, _COMPANY, 192, 191),
    (_TASK, _CONTACT, 204, 203),
    (_TASK, _DEAL, 216, 215),
    (_TASK, _TICKET, 230, 229),
    (_NOTE, _COMPANY, 190, 189),
    (_NOTE, _CONTACT, 202, 201),
    (_NOTE, _DEAL, 214, 213),
    (_NOTE, _TICKET, 228, 227),
    (_MEETING, _COMPANY, 188, 187),
    (_MEETING, _CONTACT, 200, 199),
    (_MEETING, _DEAL, 212, 211),
    (_MEETING, _TICKET, 226, 225),
    (_MEETING, _CALL, 400, 399),
    (_CALL, _COMPANY, 182, 181),
    (_CALL, _CONTACT, 194, 193),
    (_CALL, _DEAL, 206, 205),
    (_CALL, _TICKET, 220, 219),
    (_EMAIL, _COMPANY, 186, 185),
    (_EMAIL, _CONTACT, 198, 197),
    (_EMAIL, _DEAL, 210, 209),
    (_EMAIL, _TICKET, 224, 223),
)
# The same with the labels of the two readings. "Primary Company" was recorded for type 2 only.
_LABELLED = (
    (_CONTACT, _COMPANY, 1, 2, "Primary", "Primary Company"),
    (_DEAL, _COMPANY, 5, 6, "Primary", "Primary"),
    (_TICKET, _COMPANY, 26, 25, "Primary", "Primary"),
    (_COMPANY, _COMPANY, 14, 13, "Parent Company", "Child Company"),
)
_PRIMARY = {(_CONTACT, _COMPANY): 1, (_DEAL, _COMPANY): 5, (_TICKET, _COMPANY): 26}


@dataclass(frozen=True)
class LinkType:
    """One kind of association as it reads in one direction."""

    type_id: int
    inverse: int
    """The number of the same kind, read back."""
    label: str | None = None
    category: str = HUBSPOT
    name: str = ""

    def spec(self) -> dict[str, object]:
        """As associations and labels show it."""
        return {"category": self.category, "typeId": self.type_id, "label": self.label}


class LinkTypes:
    """The kinds of one portal. Type numbers of a direction are unique whatever their category."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], dict[int, LinkType]] = {}
        self._next = 1
        for start, end, there, back in _PLAIN:
            self._put(start, end, LinkType(there, back))
            self._put(end, start, LinkType(back, there))
        for start, end, there, back, label, label_back in _LABELLED:
            self._put(start, end, LinkType(there, back, label))
            self._put(end, start, LinkType(back, there, label_back))

    def _put(self, start: str, end: str, kind: LinkType) -> None:
        self._of.setdefault((start, end), {})[kind.type_id] = kind

    def between(self, start: str, end: str) -> list[LinkType]:
        """Every kind from one object type to another, the newest last."""
        return list(self._of.get((start, end), {}).values())

    def find(self, start: str, end: str, type_id: int, category: str = "") -> LinkType | None:
        """The kind of that number (and category, where one is given)."""
        kind = self._of.get((start, end), {}).get(type_id)
        return kind if kind is not None and category in ("", kind.category) else None

    def plain(self, start: str, end: str) -> LinkType | None:
        """The unlabelled kind, which every association has."""
        return next((k for k in self.between(start, end) if k.label is None), None)

    def primary(self, start: str, end: str) -> LinkType | None:
        """The kind of which a record has at most one: its primary company."""
        type_id = _PRIMARY.get((start, end))
        return None if type_id is None else self._of[start, end][type_id]

    def targets(self, start: str) -> list[str]:
        """The object types that records of this one may be associated with."""
        return [end for (first, end) in self._of if first == start]

    def define(
        self, start: str, end: str, name: str, label: str | None, back: str | None = None
    ) -> list[LinkType]:
        """Add a kind of the portal's own; returns it, and its other reading if that has a label.

        With one label for both directions the two readings are alike; between two records of
        one type they then share a number.
        """
        kinds = []
        shared = start == end and back is None
        there = self._take(start, end)
        number_back = there if shared else self._take(end, start)
        first = LinkType(there, number_back, label, USER, name)
        self._put(start, end, first)
        kinds.append(first)
        if not shared:
            second = LinkType(number_back, there, back or label, USER, name)
            self._put(end, start, second)
            if back is not None:
                kinds.append(second)
        return kinds

    def _take(self, start: str, end: str) -> int:
        while self.find(start, end, self._next):
            self._next += 1
        number, self._next = self._next, self._next + 1
        return number

    def relabel(self, start: str, end: str, type_id: int, label: str, back: str | None) -> bool:
        """Change the words of a label of the portal's own; False if there is none."""
        kind = self.find(start, end, type_id, USER)
        if kind is None:
            return False
        self._put(start, end, replace(kind, label=label))
        if type_id != kind.inverse or start != end:
            other = self._of[end, start][kind.inverse]
            self._put(end, start, replace(other, label=back or label))
        return True

    def remove(self, start: str, end: str, type_id: int) -> LinkType | None:
        """Take a kind of the portal's own away, both readings; None if there is none."""
        kind = self.find(start, end, type_id, USER)
        if kind is not None:
            del self._of[start, end][type_id]
            self._of[end, start].pop(kind.inverse, None)
        return kind

    def own(self) -> Iterator[tuple[str, str, LinkType]]:
        """The labels that this portal added: from, to, kind."""
        for (start, end), kinds in self._of.items():
            for kind in kinds.values():
                if kind.category == USER and kind.label is not None:
                    yield start, end, kind

    def copy(self) -> LinkTypes:
        """An independent copy."""
        twin = LinkTypes()
        twin._of = {pair: dict(kinds) for pair, kinds in self._of.items()}
        twin._next = self._next
        return twin
