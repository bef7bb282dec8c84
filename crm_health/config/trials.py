"""Is an expression likely to be what somebody meant: words, percentages, zeros, dead conditions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from crm_health.config import expressions
from crm_health.config.expressions import ColumnKind, Expr
from crm_health.config.problems import nearest
from crm_health.config.samples import ANYTHING, Domain, Domains, grid
from crm_health.entities import Kind

_NAME = r"\b(?P<name>[a-z][a-z0-9_]*)\s*"
_VALUE = r"(?:'(?:[^']|'')*'|-?\s*\d+(?:\.\d+)?(?![\w.]))"
#: A column held against fixed values: `x = 'a'`, `x not in (1, 2)`, `x between 0 and 60`.
_HELD = re.compile(
    _NAME
    + rf"(?:(?:=|<>|!=|<=?|>=?)\s*(?P<one>{_VALUE})(?!\s*[-+*/%])"
    + rf"|(?:not\s+)?in\s*\((?P<some>\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*)\)"
    + rf"|(?:not\s+)?between\s+(?P<low>{_VALUE})\s+and\s+(?P<high>{_VALUE})(?!\s*[-+*/%]))",
    re.IGNORECASE,
)
_CASE = re.compile(r"\bcase\s+(?P<name>[a-z][a-z0-9_]*)\s+(?P<rest>when\b.*)", re.DOTALL)
_WHEN = re.compile(rf"\bwhen\s+({_VALUE})\s+then\b", re.IGNORECASE)
_IS_NULL = re.compile(_NAME + r"is\s+(?:not\s+)?null\b", re.IGNORECASE)
_ITEM = re.compile(_VALUE)
_ZERO = re.compile(r"[/%]\s*0+(?:\.0*)?(?![\w.])")
#: A division by what may be nought: not by a number, nor by what sees to it.
_DIVIDES = re.compile(r"/\s*(?!nullif\s*\(|greatest\s*\(|\s|\d)", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'")
#: Larger than any share that people show as percent.
NO_RATIO = 10.0


@dataclass(frozen=True)
class Doubt:
    """What is wrong, or seems so, with an expression."""

    message: str
    hint: str = ""
    #: Only perhaps: a warning.
    perhaps: bool = False


def doubts(
    expr: Expr,
    columns: Mapping[str, ColumnKind],
    domains: Domains,
    ratios: Collection[str],
    *,
    condition: bool,
) -> Iterator[Doubt]:
    """Everything that looks like a mistake in an expression that compiles.

    Args:
        expr: the expression.
        columns: what it may read.
        domains: what columns can hold.
        ratios: names that texts show as percent.
        condition: whether it shall be true now and then; else it shall give a value.
    """
    plain = _QUOTED.sub("''", expr.text)
    if _ZERO.search(plain):
        yield Doubt("divides by zero", "what has no value is missing: leave it away")
        return
    if condition and _DIVIDES.search(plain):
        # A value that is no number is missing; a condition has no such thing: 0/0 > 1 holds.
        what = "divides by what may be 0, and what comes of that is more than any number"
        yield Doubt(what, "write x / nullif(y, 0), or make it a derived fact", perhaps=True)
    found = False
    for name, values in held(expr.text):
        for doubt in _of_values(name, values, domains, name in ratios):
            # What never holds because of this needs no word of its own.
            found = True
            yield doubt
    kinds = {name: Kind(columns[name]) for name in expr.columns if columns[name] != "any"}
    if not found and len(kinds) == len(expr.columns) and not expr.aggregate:
        yield from _tried(expr, kinds, domains, condition=condition)


def held(text: str) -> Iterator[tuple[str, list[str | float]]]:
    """Columns that a text holds against fixed values, and these."""
    for match in _HELD.finditer(text):
        given = ",".join(filter(None, match.group("one", "some", "low", "high")))
        yield match["name"], [_value(item) for item in _ITEM.findall(given)]
    for match in _CASE.finditer(text):
        yield match["name"], [_value(item) for item in _WHEN.findall(match["rest"])]


def _value(text: str) -> str | float:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return float(text.replace(" ", ""))


def _of_values(
    name: str, values: list[str | float], domains: Domains, ratio: bool
) -> Iterator[Doubt]:
    domain = domains.get(name, ANYTHING)
    for value in values:
        if isinstance(value, str):
            if domain.words is not None and value not in domain.words:
                known = ", ".join(sorted(domain.words))
                near = nearest(value.lower(), domain.words) or nearest(value, domain.words)
                # A word of their own may be one that the mapping doesn't give yet.
                hint = near or f"as it is mapped, it is one of {known}"
                yield Doubt(f"{name} is never {value!r}", hint, perhaps=not near)
        elif ratio and abs(value) >= NO_RATIO:
            much = f"{value:g} would be {100 * value:g} %"
            yield Doubt(f"{name} is a ratio: {much}", f"write {value / 100:g} for {value:g} %")
        elif (domain.lowest, domain.highest) in ((0, 100), (1, 100)) and 0 < value < 1:
            hint = f"write {100 * value:g}, if that is meant"
            yield Doubt(f"{name} goes to 100: {value:g} is next to nothing", hint)


def _tried(
    expr: Expr, kinds: Mapping[str, Kind], domains: Domains, *, condition: bool
) -> Iterator[Doubt]:
    """Every case there is, as far as samples show it."""
    outcome = _known_outcome(expr.text, kinds, domains)
    if outcome is None:
        return
    holds, gives = outcome
    names = " and ".join(sorted(expr.columns - {"as_of"})) or "anything"
    if condition and not holds:
        sure = _plain(expr.text, kinds)
        yield Doubt(
            f"{'never' if sure else 'seems never to'} hold{'s' * sure}, whatever {names} may be",
            perhaps=not sure,
        )
    elif not condition and not gives:
        yield Doubt(f"seems never to give a value, whatever {names} may be", perhaps=True)


def possible(text: str, kinds: Mapping[str, Kind], domains: Domains) -> bool:
    """Whether a condition that compiles may hold: for some sample, or where nobody can tell."""
    outcome = _known_outcome(text, kinds, domains)
    return outcome is None or outcome[0]


def gives(text: str, kinds: Mapping[str, Kind], domains: Domains) -> bool:
    """Whether an expression that compiles may give a value, as `possible`."""
    outcome = _known_outcome(text, kinds, domains)
    return outcome is None or outcome[1]


def _known_outcome(
    text: str, kinds: Mapping[str, Kind], domains: Domains
) -> tuple[bool, bool] | None:
    known = frozenset((name, domains[name]) for name in kinds if name in domains)
    return _outcome(text, frozenset(kinds.items()), known)


# The same expressions come again: in commands that check, in configurations that are compared.
@lru_cache(maxsize=4096)
def _outcome(
    text: str, kinds: frozenset[tuple[str, Kind]], domains: frozenset[tuple[str, Domain]]
) -> tuple[bool, bool] | None:
    """Whether an expression that compiles is true for some sample, and gives a value for some.

    Returns:
        None where there are too many samples to try.
    """
    # The kinds of weighty expressions are known from here on: no panic, no error can come.
    frame = grid([text], dict(kinds), dict(domains))
    if frame.is_empty():
        return None
    value = frame.select(expressions.compile(text, dict(kinds)).expr.alias("value"))["value"]
    return value.dtype == pl.Boolean and bool(value.any()), value.null_count() < value.len()


def _plain(text: str, kinds: Mapping[str, Kind]) -> bool:
    """Whether a condition only holds columns against fixed values, so that samples prove it."""
    rest = _IS_NULL.sub(" ", _HELD.sub(" ", text))
    for name, kind in kinds.items():
        if kind is Kind.BOOLEAN:
            rest = re.sub(rf"\b{name}\b", " ", rest)
    return not re.sub(r"\b(?:and|or|not)\b|[()\s]", "", rest, flags=re.IGNORECASE)


def never(texts: tuple[str, ...], kinds: Mapping[str, Kind], domains: Domains) -> bool:
    """Whether no sample makes the last condition hold where none of those before it does."""
    frame = grid(texts, kinds, domains)
    if frame.is_empty():
        return False
    held_by = frame.select(
        pl.sql_expr(text).fill_null(False).alias(str(place)) for place, text in enumerate(texts)
    )
    earlier = [pl.col(str(place)) for place in range(len(texts) - 1)]
    mine = pl.col(str(len(texts) - 1)) & ~pl.any_horizontal(pl.lit(False), *earlier)
    return not held_by.select(mine.any()).item()
