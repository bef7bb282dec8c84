"""The state of one portal: records, associations, definitions. Knows nothing of HTTP."""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.definitions import Definitions
from connectors.sandbox.hubspot.derive import born, derive, logged
from connectors.sandbox.hubspot.kinds import COMPANY, CONTACT, Kind, Kinds
from connectors.sandbox.hubspot.lag import Lag
from connectors.sandbox.hubspot.links import Links, SavedLinks
from connectors.sandbox.hubspot.pages import Ids, Page
from connectors.sandbox.hubspot.service import Saved as SavedService
from connectors.sandbox.hubspot.service import Service
from connectors.sandbox.hubspot.standard import standard_definitions
from connectors.sandbox.hubspot.waiting import Waiting
from connectors.sandbox.tables import Row, Saved, Tables

#: New ids start beyond 2^32, as they do in a real portal.
_FIRST_NUMBER = 10_000_000_000
_ENRICHED = (CONTACT.type_id, COMPANY.type_id)


@dataclass
class Settings:
    """What the control API may set, and what differs between accounts."""

    enrich_after: float = 2.0
    """Seconds after a create at which the service edits the record itself; 0 never."""
    unique_tasks: bool = True
    """Whether tasks may have unique properties: not known of the real service."""
    definition_lag: float = 0.0
    """Seconds until lists show a property or custom object that was made."""
    association_page: int = 500
    """Associations of one record that a batch read tells at once."""


@dataclass(frozen=True)
class Snapshot:
    """Everything a test may want back."""

    rows: Saved
    links: SavedLinks
    kinds: Kinds
    definitions: Definitions
    merged: Mapping[str, Mapping[str, str]]
    number: int
    service: SavedService
    waiting: Waiting


class Portal:
    """One portal. Thread-safe: every call that changes something holds `lock`.

    A row is a flat mapping of property name to text, a cleared property being "", beside the
    rows' own members, which start with a capital: Id, SystemModstamp (the modified date as an
    instant), ArchivedAt where it is archived. Rows are replaced, never changed.
    """

    def __init__(self, clock: Clock, lock: threading.RLock | None = None) -> None:
        self.clock = clock
        self.lock = lock or threading.RLock()
        self.base_url = ""
        self.settings = Settings()
        self.lag = Lag()
        self.saves = 0
        """Records changed so far: what a call log needs to know."""
        self.service = Service(clock)
        self.reset()

    def reset(self) -> None:
        """An empty portal with the standard object types and nothing set."""
        with self.lock:
            self.kinds = Kinds()
            self.definitions: Definitions = standard_definitions()
            self.tables = Tables()
            self.links = Links()
            self.waiting = Waiting()
            self.merged: dict[str, dict[str, str]] = {}
            """Object type id -> id of a record that was merged away -> its survivor's."""
            self.settings = Settings()
            self.lag = Lag()
            self._ids: dict[str, Ids] = {}
            self._number = _FIRST_NUMBER
            self._due: list[tuple[datetime, str, str]] = []
            self.dice = random.Random(0)  # noqa: S311  # for the order of results, no secret
            self.service.reset()

    # -- reading -----------------------------------------------------------------------------

    def now(self) -> datetime:
        """The present instant in milliseconds, as records are stamped."""
        return stamps.cut(self.clock.now())

    def get(self, kind: Kind, record_id: str, *, archived: bool = False) -> Row | None:
        """The live record of that id, or the archived one."""
        row = self.tables.of(kind.type_id).get(record_id)
        return row if row is not None and bool(row["ArchivedAt"]) == archived else None

    def survivor(self, kind: Kind, record_id: str) -> str | None:
        """The id of the record that this one was merged into; None if it wasn't."""
        return self.merged.get(kind.type_id, {}).get(record_id)

    def by_value(self, kind: Kind, name: str, value: str) -> Row | None:
        """The live record whose unique property holds the value, in any case."""
        rows = self.tables.find(kind.type_id, name, value)
        return next((r for r in rows if not r["ArchivedAt"]), None)

    def rows(self, kind: Kind, *, archived: bool = False) -> Iterator[Row]:
        """Every live record, or every archived one."""
        return (
            r for r in self.tables.of(kind.type_id).values() if bool(r["ArchivedAt"]) == archived
        )

    def page(self, kind: Kind, first: int, limit: int, *, archived: bool = False) -> Page:
        """Live records, or archived ones, from an id on."""
        with self.lock:
            table = self.tables.of(kind.type_id)
            found: list[Row] = []
            last = ""
            for record_id in self._ids_of(kind.type_id).start(first):
                row = table.get(record_id)
                if row is None or bool(row["ArchivedAt"]) != archived or record_id == last:
                    continue
                if len(found) == limit:
                    return Page(found, int(last) + 1)
                found.append(row)
                last = record_id
            return Page(found, None)

    def _ids_of(self, type_id: str) -> Ids:
        if type_id not in self._ids:
            self._ids[type_id] = Ids(self.tables.of(type_id))
        return self._ids[type_id]

    def owner_ids(self) -> frozenset[str]:
        """Ids that a record's owner may have: those of active owners."""
        return frozenset(o.id for o in self.service.owners if not o.archived)

    def required(self, kind: Kind) -> tuple[str, ...]:
        """What a new record of a custom object must have."""
        schema = self.service.schemas.find(kind.type_id)
        return schema.required if schema is not None else ()

    # -- changing ----------------------------------------------------------------------------

    def create(self, kind: Kind, values: Mapping[str, str]) -> Row:
        """Add a record of values that are checked already."""
        with self.lock:
            now = self.now()
            self._number += 1
            row = Row(values, Id=str(self._number))
            row[kind.created] = stamps.text(now)
            born(kind, row)
            self._finish(kind, row, None, now)
            if kind.type_id in _ENRICHED and self.settings.enrich_after > 0:
                due = stamps.cut(now + timedelta(seconds=self.settings.enrich_after))
                heapq.heappush(self._due, (due, kind.type_id, row["Id"]))
            return row

    def update(self, kind: Kind, row: Row, values: Mapping[str, str]) -> Row:
        """Change a record. Every save moves the modified date, changed or not."""
        with self.lock:
            new = Row(row)
            new.update(values)
            self._finish(kind, new, row, self.now())
            return new

    def archive(self, kind: Kind, row: Row) -> None:
        """Take a record out of use. Its associations go."""
        with self.lock:
            now = self.now()
            self._put(kind.type_id, Row(row, ArchivedAt=now), row, now)
            self.links.forget(kind.type_id, row["Id"])

    def restore_record(self, kind: Kind, row: Row) -> Row:
        """Bring an archived record back, without its associations."""
        with self.lock:
            now = self.now()
            new = Row({k: v for k, v in row.items() if k != "ArchivedAt"}, SystemModstamp=now)
            self._put(kind.type_id, new, row, now)
            return new

    def erase(self, kind: Kind, record_id: str) -> None:
        """Remove a record for good."""
        with self.lock:
            old = self.tables.of(kind.type_id).get(record_id)
            if old is not None:
                self.tables.drop(kind.type_id, record_id)
                self.links.forget(kind.type_id, record_id)
                self.lag.note(kind.type_id, record_id, old, self.now())
                self.saves += 1

    def merge(self, kind: Kind, winner: str, loser: str, *, new_id: bool = True) -> str:
        """Merge two records into one, which takes over their associations.

        Args:
            kind: their object type.
            winner: the record whose values win where both have some.
            loser: the other one.
            new_id: whether the survivor gets an id of its own, as today, or keeps the winner's.

        Returns:
            The survivor's id. Raises KeyError when a record is missing.
        """
        with self.lock:
            table, type_id = self.tables.of(kind.type_id), kind.type_id
            first, second = table[winner], table[loser]
            now = self.now()
            values = {**second, **{k: v for k, v in first.items() if v not in (None, "")}}
            gone = [winner, loser] if new_id else [loser]
            if new_id:
                self._number += 1
                values["Id"] = str(self._number)
            survivor = str(values["Id"])
            older = [second["hs_merged_object_ids"], first["hs_merged_object_ids"], *gone]
            values["hs_merged_object_ids"] = ";".join(str(i) for i in older if i)
            for old in gone:
                self.links.move(type_id, old, survivor)
                self.lag.note(type_id, old, table[old], now)
                self.tables.drop(type_id, old)
            aliases = self.merged.setdefault(type_id, {})
            for alias, target in aliases.items():
                if target in gone:
                    aliases[alias] = survivor
            aliases.update(dict.fromkeys(gone, survivor))
            self._finish(kind, Row(values), None if new_id else first, now)
            return survivor

    def link(self, start: str, record_id: str, end: str, other: str, types: Iterable[int]) -> None:
        """Associate two records, named by object type id and id, or add types to what is there.

        It moves no modified date, but for an activity: that shows in what it is hung on.
        """
        with self.lock:
            new = not self.links.types(start, record_id, end, other)
            self.saves += self.links.add(start, record_id, end, other, types)
            if new:
                self._log(start, record_id, end, other)
                self._log(end, other, start, record_id)

    def unlink(
        self,
        start: str,
        record_id: str,
        end: str,
        other: str,
        types: Iterable[int] | None = None,
    ) -> None:
        """Take some types of an association away, or with None all of it."""
        with self.lock:
            self.saves += self.links.remove(start, record_id, end, other, types)

    def _log(self, activity_type: str, activity_id: str, type_id: str, record_id: str) -> None:
        kind, target_kind = self.kinds.find(activity_type), self.kinds.find(type_id)
        if kind is None or target_kind is None or not kind.activity or target_kind.activity:
            return
        if self.definitions.find(type_id, "notes_last_updated") is None:
            return
        activity, target = self.get(kind, activity_id), self.get(target_kind, record_id)
        if activity is not None and target is not None:
            self.update(target_kind, target, logged(kind, activity, target, self.now()))

    def tick(self) -> None:
        """The service's own edits that are due by now."""
        now = self.now()
        while self._due and self._due[0][0] <= now:
            due, type_id, record_id = heapq.heappop(self._due)
            row = self.tables.of(type_id).get(record_id)
            kind = self.kinds.find(type_id)
            if row is None or kind is None or row["ArchivedAt"] or row["SystemModstamp"] >= due:
                continue
            new = Row(row)
            if type_id == COMPANY.type_id and row["domain"] and not row["twitterhandle"]:
                new["twitterhandle"] = row["domain"].split(".")[0].upper()
            self._finish(kind, new, row, due)

    def _finish(self, kind: Kind, row: Row, old: Row | None, now: datetime) -> None:
        derive(self.service.pipelines, kind, row, old, now)
        row["SystemModstamp"] = now
        self._put(kind.type_id, row, old, now)

    def _put(self, type_id: str, row: Row, old: Row | None, now: datetime) -> None:
        self.lag.note(type_id, row["Id"], old, now)
        if old is None:
            self._ids_of(type_id).add(row["Id"])
        self.tables.put(type_id, row)
        self.saves += 1

    # -- the portal as a whole ---------------------------------------------------------------

    def load(self, kind: Kind, records: Iterable[Mapping[str, Any]]) -> int:
        """Put records in as they are, without a check or a trace in search; returns how many.

        Args:
            kind: their object type.
            records: flat: `id`, and property values as the service would write them. The created
                and modified dates may be among them; what is missing is now. With `archivedAt`
                a record is archived.
        """
        with self.lock:
            now, table = self.now(), self.tables.of(kind.type_id)
            name, count = stamps.text(now), 0
            for record in records:
                row = Row({k: v for k, v in record.items() if v is not None})
                number, archived = row.pop("id", None), row.pop("archivedAt", None)
                if number is None:
                    self._number += 1
                    number = self._number
                row["Id"] = str(number)
                created = row.setdefault(kind.created, name)
                modified = row.pop(kind.modified, None) or created
                row["SystemModstamp"] = stamps.read(modified)
                if archived:
                    row["ArchivedAt"] = stamps.read(archived)
                derive(self.service.pipelines, kind, row, row, row["SystemModstamp"])
                table[row["Id"]] = row
                count += 1
            self.tables.forget_index(kind.type_id)
            self._ids.pop(kind.type_id, None)
            largest = max(map(int, table), default=0)
            self._number = max(self._number, largest if largest < 2**53 else 0)
            return count

    def snapshot(self) -> Snapshot:
        """The whole portal, to come back to. Rows are shared, not copied."""
        with self.lock:
            return Snapshot(
                self.tables.save(),
                self.links.save(),
                self.kinds.copy(),
                self.definitions.copy(),
                {i: dict(held) for i, held in self.merged.items()},
                self._number,
                self.service.save(),
                self.waiting.copy(),
            )

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot. Search knows it at once; settings stay."""
        with self.lock:
            self.tables.restore(snapshot.rows)
            self.links.restore(snapshot.links)
            self.kinds = snapshot.kinds.copy()
            self.definitions = snapshot.definitions.copy()
            self.merged = {i: dict(held) for i, held in snapshot.merged.items()}
            self._number = snapshot.number
            self._ids, self._due = {}, []
            self.lag.clear()
            self.service.restore(snapshot.service)
            self.waiting = snapshot.waiting.copy()
