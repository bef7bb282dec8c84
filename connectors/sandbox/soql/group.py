"""Aggregate queries: COUNT and its kin, GROUP BY, HAVING."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.schema import Field
from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.literals import Operand
from connectors.sandbox.soql.result import ResultColumn
from connectors.sandbox.soql.scope import Row, Scope
from connectors.sandbox.soql.wire import converter_of

_NUMERIC = frozenset({"int", "long", "double", "currency", "percent"})
_NOT_COMPARABLE = frozenset({"boolean", "multipicklist"})
_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len({_fold(value) for value in values}),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
    "MIN": lambda values: min(values, key=_fold, default=None),
    "MAX": lambda values: max(values, key=_fold, default=None),
}


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the groups: what it is called, its type, and where its value stands."""

    name: str
    type: str
    key: str
    label: str
    aggregate: bool


class Grouping:
    """The SELECT, GROUP BY and HAVING of an aggregate query.

    A group is a dict from column key (see :meth:`operand`) to value; ``rows`` makes them.
    """

    def __init__(self, scope: Scope, query: ast.Query) -> None:
        self._scope = scope
        self._text = query.text
        self._keys: dict[str, tuple[Field, Callable[[Row], Any]]] = {}
        self._calls: dict[str, tuple[str, Field | None, Callable[[Row], Any]]] = {}
        self._aliases: dict[str, str] = {}
        self.outputs: list[Output] = []
        for path in query.group_by:
            if isinstance(path, ast.Call):
                message = f"GROUP BY {path.name} is not supported by this sandbox"
                raise problems.malformed(self._text, path.pos, message)
            self._group_by(path)
        for item in query.items:
            self._select(item)

    def groups(self, rows: list[Row]) -> list[Row]:
        """One dict a group, in order of first appearance; one group where nothing groups."""
        gets = [get for _, get in self._keys.values()]
        buckets: dict[tuple[Any, ...], list[Row]] = {}
        if not gets:
            buckets[()] = rows
        for row in rows if gets else ():
            buckets.setdefault(tuple(get(row) for get in gets), []).append(row)
        return [self._group(key, members) for key, members in buckets.items()]

    def write(self, groups: Sequence[Row]) -> list[Row]:
        """The groups as AggregateResults."""
        plan = [(out.name, out.key, converter_of(out.type)) for out in self.outputs]
        return [
            {"attributes": {"type": "AggregateResult"}}
            | {n: convert(g[k]) if convert else g[k] for n, k, convert in plan}
            for g in groups
        ]

    def columns(self) -> tuple[ResultColumn, ...]:
        """The selected columns."""
        return tuple(
            ResultColumn(out.name, out.label, out.type, aggregate=out.aggregate)
            for out in self.outputs
        )

    def operand(self, by: ast.Path | ast.Call) -> Operand:
        """A grouped field, an aggregate or an alias, for HAVING and ORDER BY."""
        if isinstance(by, ast.Call):
            key = self._call(by)
            function, field, _ = self._calls[key]
            type_, sensitive = _result_type(function, field), False
            return Operand(by.name, type_, by.pos, _reader(key), sensitive)
        if len(by.parts) == 1 and (alias := self._aliases.get(by.parts[0].lower())):
            output = next(out for out in self.outputs if out.key == alias)
            return Operand(by.text, output.type, by.pos, _reader(alias))
        key = self._key(by)
        if key not in self._keys:
            message = f"Ordered field must be grouped or aggregated: {by.text}"
            raise problems.malformed(self._text, by.pos, message)
        field = self._keys[key][0]
        return Operand(by.text, field.type, by.pos, _reader(key), field.case_sensitive)

    def _group(self, key: tuple[Any, ...], rows: list[Row]) -> Row:
        group: Row = dict(zip(self._keys, key, strict=True))
        for name, (function, field, get) in self._calls.items():
            values = rows if field is None else [v for v in map(get, rows) if v is not None]
            group[name] = _FUNCTIONS[function](values)
        return group

    def _group_by(self, path: ast.Path) -> None:
        column = self._scope.column(path)
        if column.field.long_text or column.field.type == "multipicklist":
            message = f"field '{column.field.name}' can not be grouped in a query call"
            raise problems.at(self._text, path.pos, "INVALID_FIELD", message)
        self._keys[self._key(path)] = (column.field, column.get)

    def _select(self, item: ast.Item) -> None:
        what = item.what
        if isinstance(what, ast.Query):
            message = "subqueries are not allowed in aggregate queries"
            raise problems.malformed(self._text, what.source_pos, message)
        if isinstance(what, ast.Call):
            key = self._call(what)
            function, field, _ = self._calls[key]
            unnamed = sum(out.name.startswith("expr") for out in self.outputs)
            name, type_ = item.alias or f"expr{unnamed}", _result_type(function, field)
        else:
            key = self._key(what)
            if key not in self._keys:
                message = f"Field must be grouped or aggregated: {what.text}"
                raise problems.malformed(self._text, what.pos, message)
            field = self._keys[key][0]
            name, type_ = item.alias or field.name, field.type
        if name.lower() in self._aliases or any(out.name == name for out in self.outputs):
            raise problems.malformed(self._text, what.pos, f"duplicate alias: {name}")
        if item.alias:
            self._aliases[name.lower()] = key
        label = field.label if field and not isinstance(what, ast.Call) else name
        self.outputs.append(Output(name, type_, key, label, isinstance(what, ast.Call)))

    def _call(self, call: ast.Call) -> str:
        if call.name not in _FUNCTIONS or (call.arg is None and call.name != "COUNT"):
            message = f"{call.name} is not supported by this sandbox here"
            raise problems.malformed(self._text, call.pos, message)
        if call.arg is None:
            self._calls["COUNT()"] = ("COUNT", None, lambda row: row)
            return "COUNT()"
        column = self._scope.column(call.arg)
        self._check(call, column.field)
        key = f"{call.name}({self._key(call.arg)})"
        self._calls[key] = (call.name, column.field, column.get)
        return key

    def _check(self, call: ast.Call, field: Field) -> None:
        if call.name in ("SUM", "AVG"):
            fits = field.type in _NUMERIC
        elif call.name in ("MIN", "MAX"):
            fits = field.type not in _NOT_COMPARABLE and not field.long_text
        else:
            fits = not field.long_text
        if not fits:
            message = f"field {field.name} does not support aggregate operator {call.name}"
            raise problems.at(self._text, call.pos, "INVALID_FIELD", message)

    def _key(self, path: ast.Path) -> str:
        column = self._scope.column(path)
        return ".".join([*(step.name for step in column.steps), column.field.name])


def is_aggregate(query: ast.Query) -> bool:
    """Whether rows of this query are groups. ``COUNT()`` alone counts, and groups nothing."""
    calls = [item.what for item in query.items if isinstance(item.what, ast.Call)]
    return bool(query.group_by) or any(call.name in _FUNCTIONS for call in calls)


def _result_type(function: str, field: Field | None) -> str:
    if function in ("COUNT", "COUNT_DISTINCT") or field is None:
        return "int"
    return "double" if function == "AVG" else field.type


def _reader(key: str) -> Callable[[Row], Any]:
    return lambda group: group[key]


def _fold(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
