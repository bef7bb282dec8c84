"""Conditions to predicates: one Python closure a query, called once a row.

Null equals null and the empty text only; it is never less or greater than anything. ``!=`` and
``NOT IN`` hold for null, as the service has it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.literals import Between, Operand, coerce
from connectors.sandbox.soql.scope import Context, Get, Row

Predicate = Callable[[Row], bool]
OperandOf = Callable[[ast.Path | ast.Call], Operand]
Ids = Callable[[ast.Query], frozenset[str]]

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LIKE_PIECE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)|.", re.DOTALL)


class Filters:
    """Compiles the conditions of one query.

    Args:
        context: the execution.
        operand_of: what a path or call means here.
        ids_of: runs a semi-join's subquery.
    """

    def __init__(self, context: Context, operand_of: OperandOf, ids_of: Ids) -> None:
        self._context = context
        self._operand_of = operand_of
        self._ids_of = ids_of
        self.ids: list[tuple[str, frozenset[str]]] = []
        """Fields that must hold one of these values for the whole condition to be true."""

    def compile(self, condition: ast.Condition) -> Predicate:
        """The condition as a function of a row."""
        return self._compile(condition, every_row=True)

    def _compile(self, condition: ast.Condition, *, every_row: bool) -> Predicate:
        """``every_row``: a row for which this term fails is out, whatever the other terms say."""
        match condition:
            case ast.Both(terms):
                return _both([self._compile(term, every_row=every_row) for term in terms])
            case ast.Either(terms):
                return _either([self._compile(term, every_row=False) for term in terms])
            case ast.Not(term):
                inner = self._compile(term, every_row=False)
                return lambda row: not inner(row)
            case ast.Comparison():
                return self._comparison(condition, every_row=every_row)
            case ast.Membership():
                return self._membership(condition, every_row=every_row)

    def _comparison(self, condition: ast.Comparison, *, every_row: bool) -> Predicate:
        operand = self._operand_of(condition.operand)
        if condition.op == "LIKE":
            return self._like(operand, condition.value)
        if operand.kind == "boolean" and condition.op in _ORDERED:
            raise self._bad_operator(operand)
        value = coerce(self._context, operand, condition.value)
        if condition.op == "=" and operand.indexed and value and every_row:
            self._note(condition.operand, frozenset({value}))
        return compare(operand, condition.op, value)

    def _membership(self, condition: ast.Membership, *, every_row: bool) -> Predicate:
        operand = self._operand_of(condition.operand)
        if condition.op in ("INCLUDES", "EXCLUDES"):
            return self._includes(operand, condition)
        negative = condition.op == "NOT IN"
        if isinstance(condition.source, ast.Query):
            holds = self._semi_join(operand, condition, condition.source, every_row=every_row)
        else:
            values = [coerce(self._context, operand, value) for value in condition.source]
            if operand.indexed and every_row and not negative and all(values):
                self._note(condition.operand, frozenset(values))
            holds = _any_of(operand, values)
        return (lambda row: not holds(row)) if negative else holds

    def _semi_join(
        self, operand: Operand, condition: ast.Membership, source: ast.Query, *, every_row: bool
    ) -> Predicate:
        text = self._context.text
        if not every_row:
            message = "Semi join sub-selects are only allowed at the top level WHERE expressions"
            raise problems.malformed(text, operand.pos, message)
        if operand.kind != "id":
            message = f"The left operand '{operand.name}' of a semi join must be an ID or reference"
            raise problems.malformed(text, operand.pos, message)
        ids = self._ids_of(source)
        if condition.op == "IN":
            self._note(condition.operand, ids)
        get = operand.get
        return lambda row: get(row) in ids

    def _includes(self, operand: Operand, condition: ast.Membership) -> Predicate:
        if operand.type != "multipicklist" or isinstance(condition.source, ast.Query):
            raise self._bad_operator(operand)
        wanted = []
        for value in condition.source:
            text = coerce(self._context, operand, value)
            wanted.append(frozenset((text or "").split(";")))
        get = operand.get

        def includes(row: Row) -> bool:
            chosen = frozenset((get(row) or "").lower().split(";"))
            return any(group <= chosen for group in wanted)

        if condition.op == "INCLUDES":
            return includes
        return lambda row: not includes(row)

    def _like(self, operand: Operand, value: ast.Value) -> Predicate:
        if operand.kind != "text" or not isinstance(value, ast.Text):
            raise self._bad_operator(operand)
        flags = re.DOTALL if operand.case_sensitive else re.DOTALL | re.IGNORECASE
        pattern, get = re.compile(like_pattern(value), flags), operand.get
        return lambda row: pattern.fullmatch(get(row) or "") is not None

    def _note(self, operand: ast.Path | ast.Call, ids: frozenset[str]) -> None:
        if isinstance(operand, ast.Path) and len(operand.parts) == 1:
            self.ids.append((operand.parts[0], ids))

    def _bad_operator(self, operand: Operand) -> Exception:
        code, message = "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {operand.type} field"
        return problems.at(self._context.text, operand.pos, code, message)


def compare(operand: Operand, op: str, value: Any) -> Predicate:
    """One comparison with a coerced value."""
    get = operand.get
    if isinstance(value, Between):
        return _span(get, op, value)
    if operand.kind == "boolean":
        wanted = bool(value) == (op == "=")
        return lambda row: bool(get(row)) is wanted
    if value is None:
        return _null(get, op)
    if operand.kind == "text" and not operand.case_sensitive:
        get = _lowered(get)
    if op == "=":
        return lambda row: bool(get(row) == value)
    if op == "!=":
        return lambda row: bool(get(row) != value)
    holds = _ORDERED[op]

    def ordered(row: Row) -> bool:
        found = get(row)
        return found is not None and holds(found, value)

    return ordered


def like_pattern(value: ast.Text) -> str:
    """A regular expression for a LIKE literal: % any run, _ any one; a backslash escapes."""
    parts = []
    for piece in _LIKE_PIECE.findall(value.raw):
        if piece == "%":
            parts.append(".*")
        elif piece == "_":
            parts.append(".")
        elif piece in (r"\%", r"\_") or len(piece) == 1:
            parts.append(re.escape(piece[-1]))
        elif len(piece) > 2:
            parts.append(re.escape(chr(int(piece.removeprefix("\\u"), base=16))))
        else:
            parts.append(re.escape(_ESCAPED.get(piece.lower(), piece[-1])))
    return "".join(parts)


_ESCAPED = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\b": "\b", r"\f": "\f"}


def _any_of(operand: Operand, values: list[Any]) -> Predicate:
    spans = [value for value in values if isinstance(value, Between)]
    if spans:
        return _either([compare(operand, "=", value) for value in values])
    if operand.kind == "boolean":
        flags = {bool(value) for value in values}
        return lambda row: bool(operand.get(row)) in flags
    wanted = frozenset(values)
    get = operand.get
    if operand.kind == "text":
        if not operand.case_sensitive:
            get = _lowered(get)
        return lambda row: (get(row) or None) in wanted
    return lambda row: get(row) in wanted


def _span(get: Get, op: str, span: Between) -> Predicate:
    start, end = span.start, span.end

    def inside(row: Row) -> bool:
        found = get(row)
        return found is not None and start <= found < end

    if op == "=":
        return inside
    if op == "!=":
        return lambda row: not inside(row)
    edge, holds = {
        "<": (start, operator.lt),
        "<=": (end, operator.lt),
        ">": (end, operator.ge),
        ">=": (start, operator.ge),
    }[op]

    def beside(row: Row) -> bool:
        found = get(row)
        return found is not None and holds(found, edge)

    return beside


def _null(get: Get, op: str) -> Predicate:
    if op == "=":
        return lambda row: get(row) in (None, "")
    if op == "!=":
        return lambda row: get(row) not in (None, "")
    # Keyset paging starts with "Id > ''": everything lies behind nothing.
    return lambda row: op in (">", ">=") and get(row) not in (None, "")


def _lowered(get: Get) -> Get:
    def lowered(row: Row) -> Any:
        found = get(row)
        return found if found is None else found.lower()

    return lowered


def _both(terms: list[Predicate]) -> Predicate:
    if len(terms) == 2:
        first, second = terms
        return lambda row: first(row) and second(row)
    return lambda row: all(term(row) for term in terms)


def _either(terms: list[Predicate]) -> Predicate:
    if len(terms) == 2:
        first, second = terms
        return lambda row: first(row) or second(row)
    return lambda row: any(term(row) for term in terms)
