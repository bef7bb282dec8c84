"""Records as they come about: what each was when it was made, and what was saved into it since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]
#: What the CRM works out by itself when a person saves.
_DERIVED = {"IsClosed", "IsWon", "ClosedDate", "Probability", "ForecastCategory"}


@dataclass(frozen=True)
class Step:
    """One thing that happens: a record comes, or somebody saves some fields of it."""

    at: datetime
    object: str
    id: str
    #: The whole record where it comes, else the fields that are saved.
    values: Row
    comes: bool


@dataclass
class Record:
    """One record's life."""

    object: str
    #: As it was made, `Id` among its fields.
    row: Row
    made: datetime
    saves: list[tuple[datetime, Row]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id on Salesforce."""
        return str(self.row["Id"])

    @property
    def ends(self) -> datetime:
        """When it was saved last; what never was is still what it was made as."""
        return max((at for at, _ in self.saves), default=self.made)

    def save(self, at: datetime, **fields: Any) -> None:
        """Somebody saves it, once it is there."""
        self.saves.append((max(at, self.made), fields))

    def at(self, instant: datetime) -> Row | None:
        """How it stands then; None while it is not there."""
        if self.made > instant:
            return None
        row, saved = dict(self.row), self.made
        for at, fields in sorted(self.saves, key=lambda one: one[0]):
            if at <= instant:
                row |= fields
                saved = at
        return stamped(row, self.made, saved)

    def steps(self, after: datetime) -> Iterable[Step]:
        """What happens to it after an instant."""
        if self.made > after:
            yield Step(self.made, self.object, self.id, stamped(self.row, self.made), comes=True)
        for at, fields in self.saves:
            if at > after:
                told = {name: value for name, value in fields.items() if name not in _DERIVED}
                yield Step(at, self.object, self.id, told, comes=False)


def stamped(row: Mapping[str, Any], made: datetime, saved: datetime | None = None) -> Row:
    """A record with its stamps, of whole seconds."""
    first, last = (one.replace(microsecond=0) for one in (made, saved or made))
    stamps = {"CreatedDate": first, "LastModifiedDate": last, "SystemModstamp": last}
    return {**row, **stamps}
