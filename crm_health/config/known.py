"""What an expression of the model may read where it stands: names before it, and their figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm_health.config import figures
from crm_health.config.checker import Checker
from crm_health.config.domains import RANK
from crm_health.config.expressions import ColumnKind, Expr
from crm_health.config.samples import ANYTHING, Domain, texts_in
from crm_health.config.yaml import Path
from crm_health.entities import Kind

#: What an expression can know of an account before anything is computed, and more by and by.
Columns = dict[str, ColumnKind]

_WORD = re.compile(r"\b[a-z][a-z0-9_]*\b")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
#: What passes texts on as they are.
_WHOLE = re.compile(r"\bcoalesce\s*\(")


@dataclass
class Known:
    """The names so far; it grows from section to section."""

    check: Checker
    columns: Columns
    #: Names that exist, but not yet, and what they are.
    later: dict[str, str]
    #: What they can hold, as far as it is known.
    domains: dict[str, Domain] = field(default_factory=dict)
    #: Derived facts that rest on a figure of the book, and on which.
    relative: dict[str, str] = field(default_factory=dict)

    def expression(self, path: Path, text: str, *, expect: Kind | None = None) -> Expr | None:
        """Check an expression over what is known so far."""
        columns = self.at(path, text)
        # A measure may be named as the fact it shows: that one is known, it is no later name.
        later = {name: what for name, what in self.later.items() if name not in self.columns}
        for name in figures.names_in([text]) - columns.keys():
            about = figures.figure(name, {*self.columns, *later})
            if about is not None:
                part = about.of if about.of not in self.columns else about.by or about.of
                later[name] = f"a figure of {part!r}, which is {later[part]}"
        domains = self.domains
        return self.check.expression(
            path, text, columns, expect=expect, later=later, domains=domains
        )

    def at(self, path: Path | None, text: str) -> Columns:
        """What is known, with the figures that the text reads.

        What is wrong with those is told at the path: None where it was told already.
        """
        found: Columns = {}
        for name in sorted(figures.names_in([text]) - self.columns.keys()):
            about = figures.figure(name, self.columns)
            if about is not None:
                found[name] = Kind.NUMBER
                if about.kind == "rank":
                    self.domains[name] = RANK
                self.check.used |= {about.of, *([about.by] if about.by else [])}
                if path is not None:
                    self._sound(path, name, about)
        return {**self.columns, **found}

    def derived(self, name: str, text: str, expr: Expr | None) -> None:
        """Note a derived fact, known from here on."""
        self.columns[name] = (expr.kind if expr else None) or "any"
        if expr is not None and expr.kind is Kind.TEXT:
            self._texts(name, expr)
        read = words(text)
        own = sorted(figures.names_in([text]))
        own += sorted(self.relative[other] for other in read & self.relative.keys())
        if own:
            self.relative[name] = own[0]

    def _texts(self, name: str, expr: Expr) -> None:
        """A text that is put together from known words can hold these at most."""
        read = [n for n in expr.columns if self.columns[n] is Kind.TEXT]
        known = [self.domains.get(n, ANYTHING).words for n in read]
        if "||" not in expr.text and "(" not in _WHOLE.sub("", expr.text) and None not in known:
            given = frozenset(texts_in(expr.text))
            self.domains[name] = Domain(words=given.union(*(w for w in known if w is not None)))

    def _sound(self, path: Path, name: str, about: figures.Figure) -> None:
        """A figure is of numbers, over cohorts of some label, and rests on no other figure."""
        kind = self.columns[about.of]
        if kind not in (Kind.NUMBER, "any"):
            self.check.add(path, f"{name!r} needs numbers, but {about.of} is a {kind}")
        if about.by is not None and self.columns[about.by] in (Kind.DATE, Kind.INSTANT):
            kind = self.columns[about.by]
            hint = "a text, true or false, or a whole number"
            self.check.add(path, f"{name!r} needs a label, but {about.by} is a {kind}", hint)
        for part in (about.of, about.by or ""):
            if part in self.relative:
                rests = self.relative[part]
                self.check.add(
                    path,
                    f"{name!r} can't be worked out: {part} rests on {rests}, a figure of the book",
                    "figures come from facts alone",
                )


def words(text: str) -> frozenset[str]:
    """The names in an expression, and others of its words."""
    return frozenset(_WORD.findall(_QUOTED.sub("''", text)))


def circles(derived: Mapping[str, str]) -> dict[str, list[str]]:
    """The derived facts that rest on themselves: each with the way round, itself at both ends."""
    reads: dict[str, set[str]] = {}
    for name, text in derived.items():
        found = set(words(text))
        for figure in figures.names_in([text]):
            about = figures.figure(figure, derived.keys())
            found |= {about.of, about.by or about.of} if about else set()
        reads[name] = found & derived.keys()
    return {name: way for name in derived if (way := _way_round(name, reads))}


def _way_round(start: str, reads: Mapping[str, set[str]]) -> list[str]:
    """The shortest way from a name back to it, empty where there is none."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        for name in sorted(reads[way[-1]]):
            if name == start:
                return [*way, start]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
