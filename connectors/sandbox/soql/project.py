"""Selected fields to JSON records: nested parents, child subqueries, ``attributes``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.polymorphic import NAME
from connectors.sandbox.soql.result import Record, ResultColumn, Selected
from connectors.sandbox.soql.scope import Context, Row, Scope, Step, getter
from connectors.sandbox.soql.wire import Convert, converter

Children = Callable[[Row], list[Record]]
CompileChild = Callable[[Scope, ast.Query], tuple[str, Children, tuple[ResultColumn, ...]]]

MAX_FIELDS_ROWS = 200  # what FIELDS(ALL) and FIELDS(CUSTOM) may return at most


@dataclass(slots=True)
class Shape:
    """What one level of a record holds, filled while the SELECT list is read."""

    object: ObjectType
    columns: dict[str, tuple[str, Convert | None]] = field(default_factory=dict)
    parents: dict[str, tuple[Step, Shape]] = field(default_factory=dict)
    children: dict[str, Children] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def write(self, rows: Sequence[Row], version: str) -> list[Record]:
        """Records of this shape. Column by column: that is what makes a page quick."""
        keys = ("attributes", *self.order)
        columns = (
            self._attributes(rows, version),
            *(self._column(k, rows, version) for k in self.order),
        )
        return [dict(zip(keys, cells, strict=True)) for cells in zip(*columns, strict=True)]

    def _attributes(self, rows: Sequence[Row], version: str) -> Iterable[Record]:
        name, root = self.object.name, f"/services/data/{version}/sobjects"
        if self.object is NAME:
            return [{"type": name, "url": f"{root}/{row['Type']}/{row['Id']}"} for row in rows]
        root = f"{root}/{name}/"
        return [{"type": name, "url": root + row["Id"]} for row in rows]

    def _column(self, key: str, rows: Sequence[Row], version: str) -> Iterable[Any]:
        column = self.columns.get(key)
        if column is not None:
            name, convert = column
            values = [row.get(name) for row in rows]
            return values if convert is None else map(convert, values)
        if key in self.parents:
            step, shape = self.parents[key]
            parents = [step.parent(row) for row in rows]
            written = iter(shape.write([p for p in parents if p is not None], version))
            return [None if parent is None else next(written) for parent in parents]
        made = map(self.children[key], rows)
        return [{"totalSize": len(c), "done": True, "records": c} if c else None for c in made]


class Projection:
    """A SELECT list, compiled."""

    def __init__(self, scope: Scope, query: ast.Query, compile_child: CompileChild) -> None:
        self._scope = scope
        self._query = query
        self._context: Context = scope.context
        self.shape = Shape(scope.object)
        self.columns: list[ResultColumn] = []
        self.selected: list[Selected] = []
        self.long_text_columns = 0
        for item in query.items:
            self._refuse_alias(item)
            match item.what:
                case ast.Path():
                    column = scope.column(item.what)
                    self._add(column.steps, column.field, item.what.pos)
                case ast.Call():
                    self._fields(item.what)
                case ast.Query():
                    self._child(item.what, compile_child)

    def write(self, rows: Sequence[Row]) -> list[Record]:
        """The records of some rows."""
        return self.shape.write(rows, self._context.version)

    def _add(self, steps: tuple[Step, ...], field_: Field, pos: int) -> None:
        shape = self.shape
        for step in steps:
            if step.name not in shape.parents:
                shape.parents[step.name] = (step, Shape(step.target))
                shape.order.append(step.name)
            shape = shape.parents[step.name][1]
        path = ".".join([*(step.name for step in steps), field_.name])
        if field_.name in shape.columns:
            message = f"duplicate field selected: {path}"
            raise problems.malformed(self._context.text, pos, message)
        shape.columns[field_.name] = (field_.name, converter(field_))
        shape.order.append(field_.name)
        self.long_text_columns += field_.long_text
        self.selected.append(Selected(path, field_.type, getter(steps, field_.name)))
        column = column_of(field_)
        for step in reversed(steps):
            column = ResultColumn(step.name, step.name, "reference", joins=(column,))
        self.columns.append(column)

    def _fields(self, call: ast.Call) -> None:
        kind = call.arg.text.upper() if call.arg else ""
        if call.name != "FIELDS" or kind not in ("ALL", "STANDARD", "CUSTOM"):
            message = f"{call.name} is not supported by this sandbox"
            raise problems.malformed(self._context.text, call.pos, message)
        limit = self._query.limit
        if kind != "STANDARD" and (limit is None or limit > MAX_FIELDS_ROWS):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}"
            raise problems.malformed(self._context.text, call.pos, message)
        for field_ in self._scope.fields():
            if kind == "ALL" or field_.custom == (kind == "CUSTOM"):
                self._add((), field_, call.pos)

    def _child(self, query: ast.Query, compile_child: CompileChild) -> None:
        name, children, columns = compile_child(self._scope, query)
        if name in self.shape.children:
            message = f"duplicate alias: {name}"
            raise problems.malformed(self._context.text, query.source_pos, message)
        self.shape.children[name] = children
        self.shape.order.append(name)
        self.columns.append(ResultColumn(name, name, "childrelationship", joins=columns))

    def _refuse_alias(self, item: ast.Item) -> None:
        if item.alias is not None:
            pos = item.what.source_pos if isinstance(item.what, ast.Query) else item.what.pos
            message = "only aggregate expressions use field aliasing"
            raise problems.malformed(self._context.text, pos, message)


def column_of(field_: Field) -> ResultColumn:
    """A plain field's column."""
    return ResultColumn(field_.name, field_.label, field_.type, custom=field_.custom)
