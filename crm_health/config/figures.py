"""Figures over the whole book of customers, by the names that expressions read them under.

| name            | stands for                                                                     |
| --------------- | ------------------------------------------------------------------------------ |
| `book_x`        | the median of x over all customers                                             |
| `book_x_in_y`   | the median of x over the customers that have the same y                        |
| `rank_x`        | where the customer's x stands among all: 0 the lowest, 1 the highest           |
| `rank_x_in_y`   | where it stands among the customers that have the same y                       |

x and y are facts, derived facts or account columns.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from crm_health.config.model import Model

_PREFIXES: dict[str, Literal["median", "rank"]] = {"book_": "median", "rank_": "rank"}
_NAMES = re.compile(r"\b(?:book|rank)_[a-z0-9_]+\b")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_IN = "_in_"


@dataclass(frozen=True)
class Figure:
    """One figure: `of` what it is, and the label that its cohorts share, None for all."""

    kind: Literal["median", "rank"]
    of: str
    by: str | None = None


def is_figure(name: str) -> bool:
    """Whether a name can only be a figure's."""
    return name.startswith(tuple(_PREFIXES))


def figure(name: str, known: Container[str]) -> Figure | None:
    """What a name stands for where `known` names exist; None where it is no figure of theirs."""
    for found in readings(name):
        if found.of in known and (found.by is None or found.by in known):
            return found
    return None


def readings(name: str) -> Iterator[Figure]:
    """All that a name can stand for: `book_x_in_y` may also be the median of `x_in_y`."""
    for prefix, kind in _PREFIXES.items():
        if not name.startswith(prefix):
            continue
        rest = name.removeprefix(prefix)
        yield Figure(kind, rest)
        for cut in re.finditer(f"(?={_IN})", rest):
            of, by = rest[: cut.start()], rest[cut.start() + len(_IN) :]
            if of and by:
                yield Figure(kind, of, by)


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """The names of figures in expressions and in texts with fields."""
    found: set[str] = set()
    for text in texts:
        found.update(_NAMES.findall(_QUOTED.sub("''", text)))
    return frozenset(found)


def texts(model: Model) -> Iterator[str]:
    """Every expression and text of the model that may read a figure."""
    yield from model.derived.values()
    for measure in model.measures.values():
        yield measure.value
        yield measure.says
        yield measure.says_good or ""
    for kind in model.models:
        yield kind.when or ""
        yield from (weight for weight in kind.weights.values() if isinstance(weight, str))
    for cap in model.caps.values():
        yield cap.when
        yield cap.says
