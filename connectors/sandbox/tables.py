"""Rows in memory: tables, their indexes, undo of a failed transaction, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.sandbox.index import Index, StampIndex


class Row(dict[str, Any]):
    """One record by canonical field name; a field never set reads as None."""

    __slots__ = ()

    def __missing__(self, key: str) -> None:
        return None


def _same_stamp(old: Row | None, new: Row) -> bool:
    return old is not None and old["SystemModstamp"] == new["SystemModstamp"]


@dataclass(frozen=True)
class Saved:
    """A copy of all tables. Rows are replaced, never changed, so the copy shares them."""

    tables: dict[str, dict[str, Row]]


class Tables:
    """Rows by object name and id. Every change goes through `put` or `drop`."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}
        self._indexes: dict[str, dict[str, Index]] = {}
        self._by_stamp: dict[str, StampIndex] = {}
        self._journal: list[tuple[str, str, Row | None]] | None = None

    def of(self, name: str) -> dict[str, Row]:
        """The table of an object, made when first asked for."""
        return self.tables.setdefault(name, {})

    def put(self, name: str, row: Row) -> None:
        """Insert or replace a row by its Id."""
        table = self.of(name)
        old = table.get(row["Id"])
        if self._journal is not None:
            self._journal.append((name, row["Id"], old))
        self._swap(name, old, row)
        table[row["Id"]] = row

    def drop(self, name: str, id18: str) -> None:
        """Remove a row for good."""
        old = self.of(name).pop(id18, None)
        if old is not None:
            if self._journal is not None:
                self._journal.append((name, id18, old))
            self._swap(name, old, None)

    def _swap(self, name: str, old: Row | None, new: Row | None) -> None:
        for index in self._indexes.get(name, {}).values():
            if old is not None:
                index.remove(old)
            if new is not None:
                index.add(new)
        by_stamp = self._by_stamp.get(name)
        if by_stamp is not None and new is not None and not _same_stamp(old, new):
            by_stamp.note(new)

    def find(
        self, name: str, field: str, value: object, *, case_sensitive: bool = False
    ) -> list[Row]:
        """Rows whose field equals the value (text without case unless `case_sensitive`)."""
        indexes = self._indexes.setdefault(name, {})
        if field not in indexes:
            indexes[field] = Index(
                field, case_sensitive=case_sensitive, rows=self.of(name).values()
            )
        table = self.of(name)
        return [table[i] for i in indexes[field].find(value)]

    def stamped(
        self, name: str, first: datetime | None = None, last: datetime | None = None
    ) -> Iterator[Row]:
        """Rows saved from the first to the last instant, in the order (SystemModstamp, Id)."""
        index = self._by_stamp.get(name)
        if index is None or index.worn:
            index = self._by_stamp[name] = StampIndex(self.of(name).values())
        return index.walk(self.of(name), first, last)

    def forget_index(self, name: str) -> None:
        """Drop an object's indexes: its fields, or rows behind their back, changed."""
        self._indexes.pop(name, None)
        self._by_stamp.pop(name, None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo every change made inside when the block raises. They nest."""
        outer = self._journal
        journal: list[tuple[str, str, Row | None]] = []
        self._journal = journal
        try:
            yield
        except BaseException:
            self._journal = None
            for name, id18, old in reversed(journal):
                if old is None:
                    self.drop(name, id18)
                else:
                    self.put(name, old)
            self._journal = outer
            raise
        self._journal = outer
        if outer is not None:
            outer.extend(journal)

    def save(self) -> Saved:
        """All rows as they are now."""
        return Saved({name: dict(table) for name, table in self.tables.items()})

    def restore(self, saved: Saved) -> None:
        """Put every row back as saved."""
        self.tables = {name: dict(table) for name, table in saved.tables.items()}
        self._indexes = {}
        self._by_stamp = {}
