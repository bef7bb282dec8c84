"""Answers of BottleCRM become frames of text: only what is asked for, a page at a time.

The parser is told a schema in which every value is a text, so that numbers, booleans and values of
a custom field that changed its type all arrive, and are typed later, or reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from connectors.bottlecrm.errors import not_json, odd
from connectors.bottlecrm.fitting import fitted
from connectors.bottlecrm.objects import CUSTOM, CrmObject, Held, Standard

_PLAIN = Standard("text")


@dataclass(frozen=True)
class Listed:
    """One part of one answer: `id` and a text column each path; how many rows there are in all."""

    rows: pl.DataFrame
    count: int


class Wanted:
    """What is to be read of each record of an object."""

    def __init__(self, crm_object: CrmObject, paths: Iterable[str]) -> None:
        self._object = crm_object
        self.paths = tuple(dict.fromkeys(("id", *paths)))
        self._record = _struct(self._tree())
        self._answer: dict[str, Any] = {}
        for part in crm_object.parts:
            _put(self._answer, part.rows, pl.List(self._record))
            _put(self._answer, part.count, pl.Int64)

    def page(self, body: bytes) -> list[Listed]:
        """The parts of a list's answer.

        Raises:
            Unavailable: it is no such answer, or a record has no id.
        """
        whole = _read(body, self._answer)
        found = []
        for part in self._object.parts:
            count, records = _value(whole, part.count), _value(whole, part.rows)
            if count is None or records is None:
                raise odd(f"a list of {self._object.name}")
            found.append(Listed(self._flat(records), int(count)))
        return found

    def one(self, body: bytes) -> pl.DataFrame:
        """The one record of an answer.

        Raises:
            Unavailable: it is no such answer.
        """
        tree: dict[str, Any] = {}
        _put(tree, self._object.one, self._record)
        return self._flat(_read(body, tree)[self._object.one[0]])

    def _flat(self, records: pl.Series) -> pl.DataFrame:
        rows = records.alias("r").to_frame().select(_column(self._object, p) for p in self.paths)
        if rows["id"].null_count():
            raise odd(f"one of its {self._object.name}")
        return rows

    def _tree(self) -> dict[str, Any]:
        """Nested names to types: what of a record the parser keeps."""
        tree: dict[str, Any] = {}
        for path in self.paths:
            _put(tree, *_place(self._object, path))
        return tree


def accounts_offered(body: bytes) -> list[str]:
    """Ids of all accounts that a list offers to forms: far cheaper for the CRM than their list.

    Raises:
        Unavailable: it offers none.
    """
    whole = _read(body, {"accounts_list": pl.List(pl.Struct({"id": pl.String}))})
    offered = _value(whole, ("accounts_list",))
    if offered is None or offered.struct.field("id").null_count():
        raise odd("the accounts to choose from")
    return [str(one) for one in offered.struct.field("id")]


def _standard(crm_object: CrmObject, path: str) -> Standard:
    return _PLAIN if path.startswith(CUSTOM) else crm_object.fields[path]


def _place(crm_object: CrmObject, path: str) -> tuple[tuple[str, ...], Any]:
    """Where a path stands in a record, and the type it is read as there."""
    if path.startswith(CUSTOM):
        return ("custom_fields", path.removeprefix(CUSTOM)), pl.String
    standard = crm_object.fields[path]
    at = standard.at or (path,)
    match standard.held:
        case Held.RECORD:
            return at, pl.Struct({"id": pl.String})
        case Held.RECORDS:
            return at, pl.List(pl.Struct({"id": pl.String}))
        case Held.NAMES:
            return at, pl.List(pl.Struct({"name": pl.String}))
    return at, pl.String


def _column(crm_object: CrmObject, path: str) -> pl.Expr:
    at, _ = _place(crm_object, path)
    value = pl.col("r")
    for name in at:
        value = value.struct.field(name)
    match _standard(crm_object, path).held:
        case Held.RECORD:
            value = value.struct.field("id")
        case Held.RECORDS:
            value = value.list.eval(pl.element().struct.field("id")).list.min()
        case Held.NAMES:
            names = value.list.eval(pl.element().struct.field("name")).list.sort()
            value = names.list.join(", ")
    return value.cast(pl.String).alias(path)


def _struct(tree: dict[str, Any]) -> pl.Struct:
    return pl.Struct({k: _struct(v) if isinstance(v, dict) else v for k, v in tree.items()})


def _put(tree: dict[str, Any], at: tuple[str, ...], leaf: Any) -> None:
    for name in at[:-1]:
        tree = tree.setdefault(name, {})
    tree[at[-1]] = leaf


def _read(body: bytes, tree: dict[str, Any]) -> pl.DataFrame:
    schema = {k: _struct(v) if isinstance(v, dict) else v for k, v in tree.items()}
    try:
        return pl.read_json(body, schema=schema)
    except PolarsError:
        try:
            return fitted(body, schema)
        except (ValueError, TypeError, PolarsError):
            raise not_json("a read") from None


def _value(whole: pl.DataFrame, path: tuple[str, ...]) -> Any:
    told = whole[path[0]]
    for name in path[1:]:
        told = told.struct.field(name)
    return told[0] if told.len() else None
