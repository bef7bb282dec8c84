"""Figures over the whole book of customers, worked out once a day and fixed for the day."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from crm_health.config.model import Model
from crm_health.health.evaluate import names_in, tidy

#: Fewer accounts than this make no book.
MIN_ACCOUNTS = 20
_BOOK = re.compile(r"^book_([a-z0-9_]+)$")
_SHOWN = re.compile(r"\{book_([a-z0-9_]+):")


def _texts(model: Model) -> Iterator[str]:
    yield from model.derived.values()
    for measure in model.measures.values():
        yield measure.value
    for kind in model.models:
        if kind.when is not None:
            yield kind.when
    for cap in model.caps.values():
        yield cap.when


def _words(model: Model) -> Iterator[str]:
    for measure in model.measures.values():
        yield measure.says
        yield measure.says_good or ""
    for cap in model.caps.values():
        yield cap.says


def names(model: Model) -> tuple[str, ...]:
    """The facts x for which some expression or text of the model says `book_x`, sorted."""
    read = frozenset[str]().union(*(names_in(text) for text in _texts(model)))
    found = (_BOOK.match(name) for name in read)
    named = {match.group(1) for match in found if match}
    for text in _words(model):
        named.update(_SHOWN.findall(text))
    return tuple(sorted(named))


def figures(model: Model, values: pl.DataFrame) -> dict[str, float | None]:
    """The median of each such fact over the accounts; missing under 20 accounts with a value.

    Args:
        model: Checked model.
        values: `Facts.values` of all customers, computed with an empty book.
    """
    wanted = [name for name in names(model) if name in values.columns]
    numbers = [name for name in wanted if values.schema[name].is_numeric()]
    medians = values.select(
        pl.when(pl.col(name).count() >= MIN_ACCOUNTS).then(pl.col(name).median()).alias(name)
        for name in numbers
    )
    found = tidy(medians, numbers).row(0, named=True) if numbers else {}
    return {name: found.get(name) for name in names(model)}
