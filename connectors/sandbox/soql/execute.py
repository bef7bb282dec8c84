"""Runs a parsed query against the record store, as one user."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from connectors.sandbox.catalog import Catalog
from connectors.sandbox.errors import WireError
from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.bounds import STAMP, Stamps, stamps
from connectors.sandbox.soql.filters import Filters, Predicate
from connectors.sandbox.soql.group import Grouping, is_aggregate
from connectors.sandbox.soql.literals import Operand
from connectors.sandbox.soql.project import Children, Projection
from connectors.sandbox.soql.result import Found, Record, Result, ResultColumn
from connectors.sandbox.soql.scope import Context, Row, Scope
from connectors.sandbox.soql.sort import Sorted, sorter

MAX_OFFSET = 2_000
MAX_GROUPS = 2_000
MAX_DEPTH = 5


def execute(
    query: ast.Query,
    records: Catalog,
    user_id: str,
    include_deleted: bool = False,  # query and queryAll are one call
    version: str = "v59.0",
) -> Result:
    """All rows of a query.

    Args:
        query: from :func:`~connectors.sandbox.soql.parse.parse`.
        records: the store; its clock is what TODAY means.
        user_id: whose field rights and time zone count.
        include_deleted: queryAll: deleted rows and archived activities as well.
        version: API version for ``attributes.url``, such as ``v59.0``.

    Raises:
        WireError: INVALID_FIELD, INVALID_TYPE, MALFORMED_QUERY and the like.
    """
    with records.lock:  # one query sees one state of the org
        return _execute(query, Context(records, user_id, include_deleted, version, query.text))


def _execute(query: ast.Query, context: Context) -> Result:
    scope = Scope(context, context.object(query.source, query.source_pos), query.alias)
    find = _Finder(scope, query)
    if _is_count(query):
        return Result(columns=(), total=len(find.cut(find.rows())), aggregate=True)
    if is_aggregate(query):
        return _aggregate(scope, query, find)
    if query.having:
        raise problems.malformed(query.text, query.source_pos, "HAVING needs GROUP BY")
    projection = Projection(scope, query, _compile_child)
    rows = find.ordered()
    return Result(
        columns=tuple(projection.columns),
        rows=Found(rows, projection.write, tuple(projection.selected)),
        total=len(rows),
        long_text_columns=projection.long_text_columns,
    )


class _Finder:
    """The rows a query's FROM, WHERE, LIMIT and OFFSET leave."""

    def __init__(self, scope: Scope, query: ast.Query) -> None:
        if query.offset > MAX_OFFSET:
            message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            raise WireError(400, "NUMBER_OUTSIDE_VALID_RANGE", message)
        self._scope = scope
        self._query = query
        self._filters = Filters(
            scope.context,
            lambda operand: _filterable(scope, operand),
            lambda inner: _semi_join(scope.context, inner),
        )
        self.keep: Predicate | None = (
            self._filters.compile(query.where) if query.where is not None else None
        )
        self._stamps = stamps(query.where)

    def rows(self) -> list[Row]:
        """Every row that meets the condition, in the store's order or that of Id."""
        candidates = self._by_index()
        if candidates is None and self._stamps != Stamps():
            candidates = sorted(self._by_stamp(), key=itemgetter("Id"))
        if candidates is None:
            archived = self._scope.context.include_deleted
            candidates = self._scope.context.records.rows(
                self._scope.object.name, include_deleted=archived, include_archived=archived
            )
        return list(filter(self.keep, candidates))

    def ordered(self) -> list[Row]:
        """The rows that answer the query, as ORDER BY, LIMIT and OFFSET have them."""
        query = self._query
        order = _sorter(self._scope, query)
        if self._filters.ids or not _by_stamp_and_id(self._scope, query):
            return self.cut(order(self.rows()))
        end = None if query.limit is None else query.offset + query.limit
        found = filter(self.keep, self._by_stamp())
        return list(itertools.islice(found, query.offset, end))

    def _by_stamp(self) -> Iterable[Row]:
        """The rows whose stamp is not ruled out, in the order of (stamp, Id)."""
        context, span = self._scope.context, self._stamps
        rows = context.records.stamped(self._scope.object.name, span.first, span.last)
        return filter(context.visible, rows)

    def cut(self, rows: list[Row]) -> list[Row]:
        """The part LIMIT and OFFSET leave."""
        offset, limit = self._query.offset, self._query.limit
        return rows[offset : None if limit is None else offset + limit]

    def _by_index(self) -> Iterable[Row] | None:
        """The rows that can meet the condition, if a key in it says so; None for a full scan."""
        scope = self._scope
        context, name = scope.context, scope.object.name
        for path, ids in self._filters.ids:
            field = scope.object.field(path)
            if field is None:
                continue
            if field.type == "id":
                by_id = (context.records.get(name, id_) for id_ in sorted(ids))
                return [row for row in by_id if row is not None and context.visible(row)]
            deleted = context.include_deleted
            found = (
                context.records.by_reference(name, field.name, id_, include_deleted=deleted)
                for id_ in sorted(ids)
            )
            return [row for row in itertools.chain.from_iterable(found) if context.visible(row)]
        return None


def _aggregate(scope: Scope, query: ast.Query, find: _Finder) -> Result:
    grouping = Grouping(scope, query)
    having = None
    if query.having is not None:
        filters = Filters(scope.context, grouping.operand, _no_semi_join(query))
        having = filters.compile(query.having)
    operands = [grouping.operand(order.by) for order in query.order_by]
    groups = grouping.groups(find.rows())
    if having is not None:
        groups = [group for group in groups if having(group)]
    groups = find.cut(sorter(query.order_by, operands)(groups))
    if len(groups) > MAX_GROUPS:
        message = (
            "Aggregate query does not support queryMore(), "
            "use LIMIT to restrict the results to a single batch"
        )
        raise WireError(400, "EXCEEDED_ID_LIMIT", message)
    rows = Found(groups, grouping.write)
    return Result(grouping.columns(), rows, len(groups), aggregate=True)


def _compile_child(
    scope: Scope, query: ast.Query, depth: int = 1
) -> tuple[str, Children, tuple[ResultColumn, ...]]:
    """A child subquery: its name, what makes its records for a parent row, its columns."""
    context = scope.context
    object_, reference = scope.children(query.source, query.source_pos)
    if depth >= MAX_DEPTH or is_aggregate(query):
        message = "this subquery is not supported in SELECT"
        raise problems.malformed(query.text, query.source_pos, message)
    child_scope = Scope(context, object_, query.alias or query.source)
    find = _Finder(child_scope, query)
    order = _sorter(child_scope, query)
    projection = Projection(
        child_scope, query, lambda inner, q: _compile_child(inner, q, depth + 1)
    )

    def children(row: Row) -> list[Record]:
        found = context.records.by_reference(
            object_.name, reference.name, row["Id"], include_deleted=context.include_deleted
        )
        rows: list[Row] = [child for child in found if context.visible(child)]
        if find.keep is not None:
            rows = list(filter(find.keep, rows))
        return projection.write(find.cut(order(rows)))

    return reference.child_relationship or query.source, children, tuple(projection.columns)


def _semi_join(context: Context, query: ast.Query) -> frozenset[str]:
    """The ids a subquery behind IN selects."""
    what = query.items[0].what
    if len(query.items) > 1 or not isinstance(what, ast.Path):
        message = "a semi join sub-select must select exactly one field"
        raise problems.malformed(query.text, query.source_pos, message)
    scope = Scope(context, context.object(query.source, query.source_pos), query.alias)
    column = scope.column(what)
    if column.field.type not in ("id", "reference"):
        message = f"The selected field '{what.text}' in the subquery must be an ID or reference"
        raise problems.malformed(query.text, what.pos, message)
    find = _Finder(scope, query)
    rows = find.ordered()
    ids: set[Any] = {column.get(row) for row in rows}
    return frozenset(ids - {None})


def _no_semi_join(query: ast.Query) -> Callable[[ast.Query], frozenset[str]]:
    def refuse(inner: ast.Query) -> frozenset[str]:
        raise problems.malformed(query.text, inner.source_pos, "HAVING takes no sub-select")

    return refuse


def _sorter(scope: Scope, query: ast.Query) -> Sorted:
    operands = []
    for order in query.order_by:
        operand = _operand(scope, order.by)
        field = scope.column(order.by).field if isinstance(order.by, ast.Path) else None
        if field is not None and not field.sortable:
            message = f"field '{field.name}' can not be sorted in a query call"
            raise problems.at(query.text, order.by.pos, "INVALID_FIELD", message)
        operands.append(operand)
    return sorter(query.order_by, operands)


def _filterable(scope: Scope, operand: ast.Path | ast.Call) -> Operand:
    found = _operand(scope, operand)
    if isinstance(operand, ast.Path) and not scope.column(operand).field.filterable:
        message = f"field '{found.name}' can not be filtered in a query call"
        raise problems.at(scope.context.text, operand.pos, "INVALID_FIELD", message)
    return found


def _operand(scope: Scope, what: ast.Path | ast.Call) -> Operand:
    if isinstance(what, ast.Call):
        message = f"{what.name} is not supported by this sandbox here"
        raise problems.malformed(scope.context.text, what.pos, message)
    column = scope.column(what)
    field = column.field
    indexed = field.type in ("id", "reference") or field.unique or field.external_id
    return Operand(field.name, field.type, what.pos, column.get, field.case_sensitive, indexed)


def _by_stamp_and_id(scope: Scope, query: ast.Query) -> bool:
    """Whether ORDER BY asks for what the index by stamp has: SystemModstamp, then perhaps Id."""
    columns = [scope.column(o.by) for o in query.order_by if isinstance(o.by, ast.Path)]
    names = [column.field.name for column in columns if not column.steps]
    falling = any(order.descending for order in query.order_by)
    return not falling and names in ([STAMP], [STAMP, "Id"]) and len(query.order_by) == len(names)


def _is_count(query: ast.Query) -> bool:
    what = query.items[0].what
    return (
        len(query.items) == 1
        and isinstance(what, ast.Call)
        and what.name == "COUNT"
        and what.arg is None
        and not query.group_by
    )
