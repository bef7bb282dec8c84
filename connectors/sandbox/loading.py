"""Putting records in as another org had them: ids and stamps stay, only derivations run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from connectors.sandbox import people, values
from connectors.sandbox.access import PERMISSION_OBJECTS
from connectors.sandbox.clock import Clock
from connectors.sandbox.derive import touch_date
from connectors.sandbox.errors import WireError
from connectors.sandbox.saving import Saving
from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.tables import Row
from connectors.sandbox.waiting import Waiting

_FIRST = (
    "Organization",
    "User",
    "PermissionSet",
    "Account",
    "Contact",
    "Opportunity",
)


class Loading(Saving):
    """The ways to put records in without saving them one by one."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._waiting = Waiting()

    def load(
        self, records: Mapping[str, Iterable[Mapping[str, Any]]], *, trusted: bool = False
    ) -> dict[str, list[str]]:
        """Put records in as they are: Id and stamps may be preset, only derivations run.

        Args:
            records: by object name, in any order.
            trusted: the values are as rows hold them, and need no reading: ids of 18 characters,
                UTC stamps of whole seconds, decimals as floats, no empty texts.

        Returns:
            Object name -> custom fields that do not exist yet; their values wait for them. An
            object that does not exist yet waits as a whole: it stands there with an empty list.
        """
        with self.lock:
            missing: dict[str, list[str]] = {}
            order = {name: n for n, name in enumerate(_FIRST)}
            for name, rows in sorted(records.items(), key=lambda kv: order.get(kv[0], 99)):
                kind = self.object(name)
                if kind is not None:
                    unknown = self._load_rows(kind, rows, trusted=trusted)
                    if unknown:
                        missing[kind.name] = sorted(unknown)
                elif name.endswith("__c"):
                    self._waiting.keep_rows(name, rows)
                    missing[name] = []
                else:
                    raise WireError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
            self._archived_on = {}
            if PERMISSION_OBJECTS & set(records):
                self._schema_changed()
            return missing

    def _load_rows(
        self, kind: ObjectType, rows: Iterable[Mapping[str, Any]], *, trusted: bool
    ) -> set[str]:
        now = self.clock.stamp()
        unknown: set[str] = set()
        fields: dict[str, Field | None] = {}
        table = self.tables.of(kind.name)
        self.tables.forget_index(kind.name)
        owned, activity = "ownerid" in kind.fields, kind.name in ("Task", "Event")
        last_days: dict[str, date] = {}
        seen: dict[str, set[str]] = {
            f.name: set() for f in kind.fields.values() if f.type == "picklist" and not f.restricted
        }
        for sent in rows:
            row, waiting = Row(), []
            for name, raw in sent.items():
                if name not in fields:
                    fields[name] = kind.field(name)
                field = fields[name]
                if field is None:
                    if not name.endswith("__c"):
                        raise WireError(400, "INVALID_FIELD", f"no field {kind.name}.{name}")
                    waiting.append((name, raw))
                elif raw is not None:
                    row[field.name] = raw if trusted else values.read(field, raw)
            row["Id"] = id18 = row.get("Id") or self._next(kind.key_prefix)
            for name, raw in waiting:
                unknown.add(name)
                self._waiting.keep_value(kind.name, name, id18, raw)
            self._fill_new(kind, row)
            self._stamp(row, now)
            if owned:
                row.setdefault("OwnerId", people.PERSON)
            # As its own predecessor: nothing in it has just changed.
            self._derive(kind, row, row, row["CreatedDate"])
            table[id18] = row
            for name, found in seen.items():
                if row.get(name):
                    found.add(row[name])
            day = touch_date(kind.name, row) if activity else None
            if day is not None and row.get("AccountId"):
                account = row["AccountId"]
                last_days[account] = max(day, last_days.get(account, day))
        self._load_last_days(last_days)
        self._learn_values(kind, seen)
        return unknown

    def _learn_values(self, kind: ObjectType, seen: Mapping[str, set[str]]) -> None:
        """Loaded records come from an org with its own lists: open picklists take their values."""
        grown = kind
        for name, found in seen.items():
            field = kind.fields[name.lower()]
            new = sorted(found - set(field.picklist))
            if new:
                grown = grown.with_field(replace(field, picklist=(*field.picklist, *new)))
        if grown is not kind:
            self._objects[kind.name.lower()] = grown
            self._schema_changed()

    @staticmethod
    def _stamp(row: Row, now: datetime) -> None:
        """Complete the system fields of a loaded row: what is not preset follows CreatedDate."""
        created = row.setdefault("CreatedDate", now)
        modified = row.setdefault("LastModifiedDate", row.get("SystemModstamp") or created)
        row.setdefault("SystemModstamp", modified)
        row.setdefault("CreatedById", people.PERSON)
        row.setdefault("LastModifiedById", row["CreatedById"])
        row.setdefault("IsDeleted", False)

    def _load_last_days(self, last_days: Mapping[str, date]) -> None:
        accounts = self.tables.of("Account")
        for id18, day in last_days.items():
            row = accounts.get(id18)
            if row is not None and (row.get("LastActivityDate") or day.min) < day:
                self.tables.put("Account", Row(row, LastActivityDate=day))
