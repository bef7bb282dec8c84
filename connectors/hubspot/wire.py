"""A page of records becomes a frame of texts: no Python object per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
from polars.exceptions import PolarsError

from connectors.hubspot.errors import not_json
from crm_health.errors import Unavailable

_RESULTS = b'"results":['
_ERRORS = b'"errors":'
#: What stands before the first record is far shorter.
_ENVELOPE_MAX = 2_000
_TO = pl.Struct({"id": pl.String, "type": pl.String})
_NEXT = pl.Struct({"next": pl.Struct({"after": pl.String})})
_ENDS = pl.Struct({"results": pl.List(_TO), "paging": _NEXT})


@dataclass(frozen=True)
class Wanted:
    """What is to be read of each record."""

    properties: tuple[str, ...] = ()
    #: Object types whose associations come along.
    links: tuple[str, ...] = ()
    #: The record's own members, for owners, which have no `properties`.
    members: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """Polars schema of one record."""
        schema: dict[str, Any] = {"id": pl.String, **dict.fromkeys(self.members, pl.String)}
        if self.properties:
            schema["properties"] = pl.Struct(dict.fromkeys(self.properties, pl.String))
        if self.links:
            # Words of two are told apart by a space here.
            names = {name.replace("_", " "): _ENDS for name in self.links}
            schema["associations"] = pl.Struct(names)
        return schema

    def flat(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of pages with a column each: `id`, the members and properties, `associations.X`."""
        columns: list[pl.Expr] = [pl.col("id"), *(pl.col(m) for m in self.members if m != "id")]
        columns += [pl.col("properties").struct.field(name) for name in self.properties]
        columns += [
            pl.col("associations")
            .struct.field(name.replace("_", " "))
            .alias(f"associations.{name}")
            for name in self.links
        ]
        return rows.select(columns)


@dataclass(frozen=True)
class Parsed:
    """One page.

    Shapes:
        rows: as `Wanted.schema` has them, in the answer's order.
        odd: `id`, `path`, `problem` of values that were no text.
        after: the service's cursor to the next page.
        envelope: what stands around the records.
    """

    rows: pl.DataFrame
    odd: list[dict[str, str]]
    after: str | None
    envelope: Mapping[str, Any]


@dataclass(frozen=True)
class Unread:
    """A page of a list as it came: so far it was only asked where it goes on.

    Many pages that are read together, one after the other, cost less than each as it comes.
    """

    body: bytes
    wanted: Wanted
    after: str | None


def glance(body: bytes, wanted: Wanted, what: str) -> Unread:
    """See where a page of a list goes on.

    Raises:
        Unavailable: it is no such page; what is wrong inside its records shows when they are read.
    """
    envelope, records = _parts(body)
    after = _after(envelope) if records else parse(body, wanted, what).after
    return Unread(body, wanted, after)


def parse(body: bytes, wanted: Wanted, what: str) -> Parsed:
    """Read one page, or the answer of a batch.

    Raises:
        Unavailable: it is neither.
    """
    odd: list[dict[str, str]] = []
    schema = wanted.schema
    # A list has no errors: looking for some costs as much as reading a tenth of it.
    envelope, records = _parts(body) if what == "list" or _ERRORS not in body else ({}, b"")
    rows = None
    if records:
        try:
            rows = pl.read_json(records, schema=schema)
        except PolarsError:
            rows = None
    if rows is None:
        envelope, rows = _tolerant(body, wanted, odd, what)
    if rows["id"].null_count():
        raise Unavailable("HubSpot answered a record without an id.", code="CH-HS-ROW")
    return Parsed(rows, odd, _after(envelope), envelope)


def _parts(body: bytes) -> tuple[dict[str, Any], bytes]:
    """What stands around the records of a page, and the records, to be read on their own.

    Nothing for a page in which their end can't be told without reading it.
    """
    start = body.find(_RESULTS, 0, _ENVELOPE_MAX)
    # Behind the records stand a cursor and times: the last bracket is that of the records.
    end = body.rfind(b"]") + 1
    tail = body[end:]
    if start < 0 or not start < end or len(tail) > _ENVELOPE_MAX:
        return {}, b""
    try:
        envelope = orjson.loads(body[:start] + _RESULTS + b"]" + tail)
    except orjson.JSONDecodeError:
        return {}, b""
    if not isinstance(envelope, dict):
        return {}, b""
    return envelope, body[start + len(_RESULTS) - 1 : end]


def _after(envelope: Mapping[str, Any]) -> str | None:
    paging = envelope.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return None if after is None else str(after)


def _tolerant(
    body: bytes, wanted: Wanted, odd: list[dict[str, str]], what: str
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Read a page with values of the wrong type: those become texts, or null and are reported."""
    try:
        page = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise not_json(what) from None
    records = page.get("results") if isinstance(page, dict) else None
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise not_json(what)
    kept = [_clean(record, wanted, odd) for record in records]
    try:
        rows = pl.DataFrame(kept, schema=wanted.schema)
    except (PolarsError, TypeError, OverflowError):
        raise not_json(what) from None
    return {name: value for name, value in page.items() if name != "results"}, rows


def _clean(record: Mapping[str, Any], wanted: Wanted, odd: list[dict[str, str]]) -> dict[str, Any]:
    row = _text(record.get("id"))
    cleaned: dict[str, Any] = {"id": row}
    cleaned |= {name: _text(record.get(name)) for name in wanted.members}
    held = record.get("properties")
    properties = held if isinstance(held, dict) else {}
    if wanted.properties:
        cleaned["properties"] = {name: _text(properties.get(name)) for name in wanted.properties}
        odd += [
            {"id": str(row), "path": name, "problem": "of another type"}
            for name, value in cleaned["properties"].items()
            if value is None and properties.get(name) is not None
        ]
    if wanted.links:
        ends = record.get("associations")
        ends = ends if isinstance(ends, dict) else {}
        names = [name.replace("_", " ") for name in wanted.links]
        cleaned["associations"] = {name: _ends(ends.get(name)) for name in names}
    return cleaned


def _ends(told: Any) -> dict[str, Any] | None:
    if not isinstance(told, dict):
        return None
    after = _after(told)
    results = [
        {"id": _text(one.get("id")), "type": _text(one.get("type"))}
        for one in told.get("results") or ()
        if isinstance(one, dict)
    ]
    return {"results": results, "paging": {"next": {"after": after}} if after else None}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def missing_names(body: bytes, names: Sequence[str]) -> list[str]:
    """Properties that no record of an answer mentions: HubSpot passes over those it lacks."""
    return [name for name in names if f'"{name}":'.encode() not in body]
