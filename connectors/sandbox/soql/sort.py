"""ORDER BY: several keys, each with its own direction and its own place for nulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.sandbox.soql import ast
from connectors.sandbox.soql.literals import Operand
from connectors.sandbox.soql.scope import Row

Key = Callable[[Row], Any]
Sorted = Callable[[list[Row]], list[Row]]


def sorter(orders: Sequence[ast.Order], operands: Sequence[Operand]) -> Sorted:
    """A stable sort by these keys. Text sorts without regard to case; ids mind it."""
    if not orders:
        return lambda rows: rows
    keys = [_key(operand, order) for operand, order in zip(operands, orders, strict=True)]
    if not any(order.descending for order in orders):
        return lambda rows: sorted(rows, key=_combined(keys))

    def one_by_one(rows: list[Row]) -> list[Row]:
        ordered = list(rows)
        for key, order in reversed(list(zip(keys, orders, strict=True))):
            ordered.sort(key=key, reverse=order.descending)
        return ordered

    return one_by_one


def _key(operand: Operand, order: ast.Order) -> Key:
    """(where nulls go, value). None equals None, so two nulls fall through to the next key."""
    get = operand.get
    fold = operand.kind == "text" and not operand.case_sensitive
    null_is_greater = order.nulls_last != order.descending

    def key(row: Row) -> tuple[bool, Any]:
        value = get(row)
        if value is None:
            return (null_is_greater, None)
        return (not null_is_greater, value.lower() if fold else value)

    return key


def _combined(keys: list[Key]) -> Key:
    if len(keys) == 1:
        return keys[0]
    if len(keys) == 2:
        first, second = keys
        return lambda row: (first(row), second(row))
    return lambda row: tuple(key(row) for key in keys)
