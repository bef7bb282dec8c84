"""Owners: the people and queues that records are assigned to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.hubspot import stamps

_BIRTH = datetime(2018, 4, 9, 13, 16, 56, 625_000, tzinfo=UTC)


@dataclass(frozen=True)
class Owner:
    """One owner. Records name it by `id`; `user` is another number."""

    id: str
    email: str = ""
    first: str = ""
    last: str = ""
    user: int | None = None
    kind: str = "PERSON"
    """PERSON or QUEUE."""
    archived: bool = False
    """Whether the user was deactivated: such owners come in a listing of their own."""
    created: datetime = _BIRTH
    updated: datetime = _BIRTH

    def json(self) -> dict[str, Any]:
        """As the service tells it. The user's number of an archived owner stands apart."""
        body: dict[str, Any] = {
            "id": self.id,
            "email": self.email,
            "type": self.kind,
            "firstName": self.first,
            "lastName": self.last,
            "userId": None if self.archived else self.user,
            "userIdIncludingInactive": self.user,
            "createdAt": stamps.text(self.created),
            "updatedAt": stamps.text(self.updated),
            "archived": self.archived,
        }
        return {name: value for name, value in body.items() if value is not None}


_FIRST = (
    Owner("31871817", "admin@sandbox.example", "Sandbox", "Admin", 2506672),
    Owner("31871900", "pat@sandbox.example", "Pat", "Person", 5555888),
)


class Owners:
    """The owners of a portal by id."""

    def __init__(self) -> None:
        self._of: dict[str, Owner] = {}
        self.reset()

    def reset(self) -> None:
        """The two people of a new portal."""
        self._of = {owner.id: owner for owner in _FIRST}

    def __iter__(self) -> Iterator[Owner]:
        return iter(self._of.values())

    def find(self, owner_id: str) -> Owner | None:
        """The owner of that id."""
        return self._of.get(owner_id)

    def load(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Add or replace owners, each with the members of `Owner`; returns how many.

        Raises TypeError for an unknown member, ValueError for an unknown kind.
        """
        made = [Owner(**{**row, "id": str(row["id"])}) for row in rows]
        for owner in made:
            if owner.kind not in ("PERSON", "QUEUE"):
                raise ValueError(f"an owner is a PERSON or a QUEUE, not {owner.kind!r}")
        self._of |= {owner.id: owner for owner in made}
        return len(made)

    def save(self) -> dict[str, Owner]:
        """A copy of them all."""
        return dict(self._of)

    def restore(self, saved: Mapping[str, Owner]) -> None:
        """Back to a copy."""
        self._of = dict(saved)
