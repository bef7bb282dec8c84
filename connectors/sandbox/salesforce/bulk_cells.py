"""Cells that a client must survive, put into a query job's results by a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.sandbox.faults import Rule
from connectors.sandbox.salesforce.bulk_csv import number

HUGE = 1024 * 1024
_TEXTS = frozenset({"string", "textarea", "picklist"})
# One row each, from the first: what its text column holds instead.
_TEXT_CELLS = {
    "na": "#N/A",
    "newlines": 'one\ntwo\r\nthree, "four"',
    "huge": "x" * HUGE,
    "null_words": "NA",
}


def odd(rule: Rule, cells: Sequence[Any], kinds: Sequence[str], place: int) -> list[Any]:
    """A row with the cells that the rule asks for; all kinds of them if it names none.

    `na`, `newlines`, `huge` and `null_words` take one row each, in that order from the first, in
    the last text column; `floats` prints every integer as `3.0` or `1.0E7`.
    """
    asked = [name for name in _TEXT_CELLS if not rule.cells or name in rule.cells]
    changed = list(cells)
    texts = [n for n, kind in enumerate(kinds) if kind in _TEXTS]
    if texts and place < len(asked):
        changed[texts[-1]] = _TEXT_CELLS[asked[place]]
    if not rule.cells or "floats" in rule.cells:
        for n, kind in enumerate(kinds):
            if kind == "int":
                changed[n] = number(changed[n])
    return changed
