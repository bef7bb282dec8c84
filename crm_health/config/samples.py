"""Trying an expression out: every telling combination of what its columns can hold.

A condition that compares columns with fixed values changes only at those values. So one sample at
each of them, one in each gap between and one beyond, in all combinations, is every case there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from crm_health.entities import POLARS, Kind

#: More combinations than these are not tried: a check must stay quick.
MOST = 20_000
#: Further out than anything that an expression adds up.
_FAR = 1e7
_DAY = datetime(2026, 3, 6, 12, tzinfo=UTC)
_AS_OF = "as_of"

_TEXT = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


@dataclass(frozen=True)
class Domain:
    """What a column can hold, where that is known."""

    lowest: float | None = None
    highest: float | None = None
    #: No fractions.
    whole: bool = False
    #: All the texts that it can hold.
    words: frozenset[str] | None = None
    #: It is missing for everybody.
    absent: bool = False


ANYTHING = Domain()
Domains = Mapping[str, Domain]


def texts_in(*expressions: str) -> list[str]:
    """The quoted texts, each once."""
    found = [m.replace("''", "'") for text in expressions for m in _TEXT.findall(text)]
    return list(dict.fromkeys(found))


def numbers_in(*expressions: str) -> list[float]:
    """The numbers, sorted, and their negatives where a minus stands before one."""
    found: set[float] = set()
    for text in expressions:
        bare = _TEXT.sub("''", text)
        found.update(float(number) for number in _NUMBER.findall(bare))
        found.update(-float(n) for n in re.findall(r"-\s*(\d+(?:\.\d+)?)(?![\w.])", bare))
    return sorted(found)


def grid(expressions: Iterable[str], kinds: Mapping[str, Kind], domains: Domains) -> pl.DataFrame:
    """Every combination of samples of the columns; without a row where there are too many."""
    texts = list(expressions)
    words, numbers = texts_in(*texts), numbers_in(*texts)
    columns = {
        name: _samples(kind, domains.get(name, ANYTHING), words, numbers)
        for name, kind in sorted(kinds.items())
        if name != _AS_OF
    }
    count = 1
    for values in columns.values():
        count *= len(values)
    frame = pl.DataFrame({"": [0]})
    if count > MOST:
        return frame.clear()
    for name, values in columns.items():
        column = pl.DataFrame({name: pl.Series(values, dtype=POLARS[kinds[name]])})
        frame = frame.join(column, how="cross")
    return frame.with_columns(pl.lit(_DAY).cast(POLARS[Kind.INSTANT]).alias(_AS_OF))


def _samples(kind: Kind, domain: Domain, words: list[str], numbers: list[float]) -> list[Any]:
    if domain.absent:
        return [None]
    if kind is Kind.BOOLEAN:
        return [None, True, False]
    if kind is Kind.TEXT:
        if domain.words is not None:
            return [None, *sorted(domain.words)]
        # A pattern such as 'x%' is tried by a text that fits it.
        return [None, *dict.fromkeys([*words, *(w.replace("%", "") for w in words), "~", "other"])]
    if kind is Kind.NUMBER:
        return [None, *_numbers(domain, numbers)]
    days = [_DAY + timedelta(days=n) for n in (-4000, -1, 0, 1, 4000)]
    if kind is Kind.DATE:
        return [None, *(date(day.year, day.month, day.day) for day in days)]
    return [None, *days]


def _numbers(domain: Domain, numbers: list[float]) -> list[float]:
    edges = sorted({0.0, *numbers})
    found = [-_FAR, edges[0] - 1, *edges, edges[-1] + 1, _FAR]
    found += [(left + right) / 2 for left, right in pairwise(edges)]
    found += [edge for edge in (domain.lowest, domain.highest) if edge is not None]
    return sorted(
        {
            number
            for number in found
            if (domain.lowest is None or number >= domain.lowest)
            and (domain.highest is None or number <= domain.highest)
            and (not domain.whole or number == int(number))
        }
    )
