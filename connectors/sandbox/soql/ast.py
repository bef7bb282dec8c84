"""What a SOQL query says, before any schema is looked at.

``pos`` is always the character offset in the query text, so that a refusal found much later
(an unknown column, say) can still point at its place.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """A field, with the relationships that lead to it: ``Account.Owner.Name``."""

    parts: tuple[str, ...]
    pos: int

    @property
    def text(self) -> str:
        """The path as written, without blanks."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function over at most one argument: ``COUNT()``, ``MAX(Amount)``, ``FIELDS(ALL)``."""

    name: str
    arg: Path | None
    pos: int


@dataclass(frozen=True, slots=True)
class Item:
    """One thing selected, with its alias."""

    what: Path | Call | Query
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    r"""A quoted literal. ``raw`` keeps its backslashes: LIKE reads ``\%`` and ``\_`` itself."""

    value: str
    raw: str
    pos: int


@dataclass(frozen=True, slots=True)
class Literal:
    """An unquoted literal: number, boolean, date, datetime or null."""

    value: float | int | bool | dt.date | dt.datetime | None
    pos: int


@dataclass(frozen=True, slots=True)
class DateRange:
    """A relative date such as ``LAST_N_DAYS:30``: a name in capitals and its number."""

    name: str
    n: int
    pos: int


Value = Text | Literal | DateRange


@dataclass(frozen=True, slots=True)
class Comparison:
    """``operand op value``, with op one of = != < <= > >= LIKE."""

    operand: Path | Call
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class Membership:
    """``operand op (...)``, with op one of IN, NOT IN, INCLUDES, EXCLUDES."""

    operand: Path | Call
    op: str
    source: tuple[Value, ...] | Query


@dataclass(frozen=True, slots=True)
class Both:
    """All of the terms hold."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of the terms holds."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: Condition


Condition = Comparison | Membership | Both | Either | Not


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key. Nulls come first unless ``nulls_last``, in both directions."""

    by: Path | Call
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query, or a subquery: then ``text`` is that of the outermost one."""

    text: str
    items: tuple[Item, ...]
    source: str
    source_pos: int
    alias: str | None = None
    where: Condition | None = None
    group_by: tuple[Path | Call, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
