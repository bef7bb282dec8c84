"""Expressions of the configuration: compiled by Polars, checked before they meet data.

Polars' SQL expressions know no statements and no file functions, so a configuration can compute
but not act. What they do know and we refuse: clocks (results would change by themselves),
windows and subqueries (results would depend on batching), and values that are not one scalar.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Literal

import orjson
import polars as pl

from crm_health.config.problems import nearest
from crm_health.entities import POLARS, Kind
from crm_health.errors import ConfigError

Role = Literal["row", "aggregate"]
#: `any` is for a column whose own expression is broken: only names are checked then.
ColumnKind = Kind | Literal["any"]

_CLOCKS = re.compile(
    r"\b(now|today|current_date|current_time|current_timestamp|localtime|localtimestamp"
    r"|random|rand|uuid)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
#: A column held against a number or a quoted text.
_HELD = re.compile(
    r"\b([a-z][a-z0-9_]*)\s*(?:=|<>|!=|<=?|>=?)\s*('[^']*'|\d+(?:\.\d+)?)(?!\s*[-+*/%])"
)
#: Keys of Polars' expression tree that no expression here may have, and why.
_REFUSED = {
    "SubPlan": "subqueries are not supported",
    "Over": "window functions are not supported: results would depend on batching",
    "Rolling": "window functions are not supported: results would depend on batching",
    "Selector": "name each column",
    "Explode": "one row must stay one row",
    "Alias": "`as` is not supported: the key above is the name",
}
#: Polars' words for kinds that don't go together, and ours.
_MIXED = (
    (
        r"compare string with numeric|(String|Float64) values in List\(",
        "compares a text with a number",
        "texts stand in quotes, numbers don't",
    ),
    (
        r"compare 'date/datetime/time' to a string",
        "compares a date with a text",
        "compare its days: renewal_days > 30",
    ),
    (
        r"arithmetic on dtypes .*str|min_horizontal|max_horizontal",
        "reckons with a text",
        "arithmetic, least and greatest are for numbers",
    ),
    (
        r"[&|] on .*(Float64|String|str)|`bit(and|or)` operation",
        "joins a number with and/or",
        "compare it first: seats > 0",
    ),
    (
        r"expected `Boolean`, got",
        "takes a number or a text for a condition",
        "compare it first: seats > 0",
    ),
    (
        r"`(sum|mean|median)` operation not supported for dtype `str`",
        "adds up a text",
        "count(*) counts rows",
    ),
    (
        r"operation not supported for dtypes .*`(date|datetime)",
        "reckons with a date",
        "reckon with its days: renewal_days",
    ),
)
_DEPTH = 300
#: Polars panics on some nonsense, such as least() of nothing; no panic may end a run.
_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


class ExpressionError(ConfigError):
    """An expression can't be used."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message, code="CH-EXPRESSION")
        #: Without the hint.
        self.reason, self.hint = message, hint


class UnknownNameError(ExpressionError):
    """An expression names something that is not there."""

    def __init__(self, unknown: Sequence[str], known: Iterable[str]) -> None:
        #: Each unknown name and what was perhaps meant, as a hint.
        self.names = {name: nearest(name, known) for name in unknown}
        words = " or ".join(repr(name) for name in unknown)
        super().__init__(f"there is no {words} here", "; ".join(filter(None, self.names.values())))


@dataclass(frozen=True)
class Expr:
    """A checked expression.

    Shapes:
        expr: one value a row (role `row`), or one a group (role `aggregate`). Numbers are
            Float64 without NaN and infinities, instants are UTC milliseconds.
    """

    text: str
    expr: pl.Expr
    columns: frozenset[str]
    #: None where it is null whatever the data, or where a column's kind is not known.
    kind: Kind | None
    uses_as_of: bool
    #: One value a group, not one a row.
    aggregate: bool


def compile(  # noqa: A001 - the word for it, and always called as expressions.compile
    text: str, columns: Mapping[str, ColumnKind], *, role: Role = "row"
) -> Expr:
    """Compile `text` over `columns` (name to kind).

    Raises:
        ExpressionError: what is wrong and, where there is one, a hint.
    """
    used = _read(text)[1]
    unknown = sorted(used - set(columns))
    if unknown:
        raise UnknownNameError(unknown, columns)
    return _compiled(text, frozenset((name, columns[name]) for name in used), role)


# The same expressions come again: in commands that check, in configurations that are compared.
@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[pl.Expr, frozenset[str], bool]:
    """What Polars makes of a text, the columns that it names, and whether it is an aggregate."""
    bare = _QUOTED.sub("''", text)
    clock = _CLOCKS.search(bare)
    if clock:
        raise ExpressionError(f"{clock[0]} changes by itself", "use as_of")
    raw = _parse(text)
    keys = set(_keys(_tree(raw)))
    # Polars drops an empty `over ()` from the tree, so it is looked for in the text.
    if re.search(r"\bover\s*\(", bare, re.IGNORECASE):
        raise ExpressionError(_REFUSED["Over"])
    for key, reason in _REFUSED.items():
        if key in keys:
            raise ExpressionError(reason)
    return raw, frozenset(raw.meta.root_names()), bool(keys & {"Agg", "Len", "Quantile"})


@lru_cache(maxsize=4096)
def _compiled(text: str, known: frozenset[tuple[str, ColumnKind]], role: Role) -> Expr:
    """An expression over just the columns that it names, with their kinds."""
    raw, used, aggregates = _read(text)
    columns = dict(known)
    if role == "row" and aggregates:
        raise ExpressionError("an aggregate can't stand here", "make it a fact, and use that")
    if role == "aggregate" and not aggregates:
        raise ExpressionError("must be one aggregate", "such as count(*), max(x) or avg(x)")
    # What stands within quotes names nothing; blanked at its length, places stay as they were.
    blanked = _QUOTED.sub(lambda quoted: f"'{'_' * (len(quoted[0]) - 2)}'", text)
    for held in _HELD.finditer(blanked):
        # `null = 1` and `true = 1` are shaped like it too, and name no column.
        if columns.get(held[1]) in (Kind.BOOLEAN, Kind.DATE, Kind.INSTANT):
            raise _misfit(held[1], Kind(columns[held[1]]), text[slice(*held.span(2))])
    kind: Kind | None = None
    expr = raw
    if all(columns[name] != "any" for name in used):
        kinds = {name: Kind(columns[name]) for name in used}
        dtype = _dtype(raw, kinds, role)
        kind = _kind(dtype)
        expr = _settled(raw, kind)
        _probe(expr, kinds, role)
    return Expr(text, expr, used, kind, "as_of" in used, role == "aggregate")


def _misfit(name: str, kind: Kind, literal: str) -> ExpressionError:
    """Polars would hold true against 1, and a date against the days since 1970."""
    if kind is Kind.BOOLEAN:
        return ExpressionError(
            f"compares {name}, which is true or false, with {literal}", f"{name}"
        )
    what = f"compares {name}, a date, with {literal}"
    return ExpressionError(what, f"compare its days: {name.removesuffix('_at')}_days > 30")


def finite(expr: pl.Expr) -> pl.Expr:
    """`expr` (Float64) with NaN and infinities as null: they mean that there is no value."""
    return pl.when(expr.is_finite()).then(expr)


def _parse(text: str) -> pl.Expr:
    # Polars parses by recursion; nothing sensible nests this deep.
    if len(re.findall(r"[(\[]|\b(?:not|case)\b|-", text, re.IGNORECASE)) > _DEPTH:
        raise ExpressionError("nested too deep, or too long")
    try:
        return pl.sql_expr(text)
    except _FAILURES as error:
        raise _readable(error) from None


def _tree(expr: pl.Expr) -> Any:
    with warnings.catch_warnings():
        # Polars warns that the form may change between versions. It is read at once, in the same
        # process; the probe below would still catch an aggregate that a new form hides.
        warnings.simplefilter("ignore")
        try:
            return orjson.loads(expr.meta.serialize(format="json"))
        except (*_FAILURES, orjson.JSONDecodeError) as error:
            raise ExpressionError("not usable here") from error


def _keys(node: Any) -> Iterator[str]:
    """Names of the tree's nodes; texts and column names of the user's own are left out."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            if key not in ("String", "Column"):
                yield from _keys(value)
    elif isinstance(node, list):
        for value in node:
            # `IN (...)` holds its values as a list of bytes: nothing to see there.
            if not isinstance(value, int):
                yield from _keys(value)
    elif isinstance(node, str):
        yield node


_ROWS: dict[Kind, list[Any]] = {
    Kind.TEXT: [None, "p1", "p2"],
    Kind.NUMBER: [None, 1.0, 2.0],
    Kind.BOOLEAN: [None, True, False],
    Kind.DATE: [None, date(2026, 1, 5), date(2026, 3, 6)],
    Kind.INSTANT: [None, datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 3, 6, tzinfo=UTC)],
}


def _frame(kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """One row of nulls and two typical ones."""
    columns = {name: pl.Series(_ROWS[kind], dtype=POLARS[kind]) for name, kind in kinds.items()}
    return pl.DataFrame({"": [0, 0, 0], **columns})


def _dtype(expr: pl.Expr, kinds: Mapping[str, Kind], role: Role) -> pl.DataType:
    empty = _frame(kinds).clear().lazy()
    value = expr.alias("value")
    try:
        if role == "row":
            return empty.select(value).collect_schema()["value"]
        return empty.group_by("").agg(value).collect_schema()["value"]
    except _FAILURES as error:
        raise _readable(error) from None


def _kind(dtype: pl.DataType) -> Kind | None:
    if dtype.is_numeric():
        return Kind.NUMBER
    if dtype == pl.Boolean:
        return Kind.BOOLEAN
    if dtype == pl.String:
        return Kind.TEXT
    if dtype == pl.Date:
        return Kind.DATE
    if isinstance(dtype, pl.Datetime):
        return Kind.INSTANT
    if dtype == pl.Null:
        return None
    if isinstance(dtype, pl.List):
        raise ExpressionError("must be one value a group", "put an aggregate around each column")
    raise ExpressionError("gives neither number, text, boolean nor date")


def _settled(expr: pl.Expr, kind: Kind | None) -> pl.Expr:
    """The result in our own types: Polars gives counts as integers and 0.5 as a decimal."""
    if kind is Kind.NUMBER:
        return finite(expr.cast(pl.Float64))
    return expr


def _probe(expr: pl.Expr, kinds: Mapping[str, Kind], role: Role) -> None:
    """Run it: some errors show on data only, and no value may depend on other rows or order."""
    frame = _frame(kinds)
    value = expr.alias("value")
    try:
        if role == "row":
            whole = frame.with_columns(value)["value"]
            single = pl.concat([frame[i : i + 1].with_columns(value)["value"] for i in range(3)])
        else:
            whole = frame.group_by("").agg(value)["value"]
            single = frame.reverse().group_by("").agg(value)["value"]
    except _FAILURES as error:
        raise _readable(error) from None
    if not whole.equals(single, null_equal=True):
        what = "the other rows" if role == "row" else "the order of rows"
        raise ExpressionError(f"its value depends on {what}")


def _readable(error: BaseException) -> ExpressionError:
    """Polars' message in few words."""
    text = str(error).splitlines()[0]
    function = re.search(r"unsupported function '(\w+)'", text)
    if function:
        return ExpressionError(f"there is no function {function[1]!r}")
    if isinstance(error, pl.exceptions.PanicException):
        return ExpressionError("not readable as an expression")
    if "parse" in text or "unexpected token" in text:
        token = re.search(r"unexpected token '([^']*)'", text)
        near = f" near {token[1]!r}" if token else ""
        return ExpressionError(f"not readable as an expression{near}")
    if re.search(r"requires an OVER clause", text):
        return ExpressionError(_REFUSED["Over"])
    for pattern, what, hint in _MIXED:
        if re.search(pattern, text):
            return ExpressionError(what, hint)
    return ExpressionError(f"does not fit its columns: {text[:160]}")
