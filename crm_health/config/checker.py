"""Collects the problems of one file: expressions and texts compiled in their place."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field, replace

from crm_health.config import expressions, templates, trials
from crm_health.config.expressions import ColumnKind, Expr, ExpressionError, Role, UnknownNameError
from crm_health.config.problems import Problem, Severity
from crm_health.config.samples import Domains
from crm_health.config.yaml import Document, Path
from crm_health.entities import Kind


@dataclass
class Checker:
    """Collects the problems of one file, and the names that its expressions use."""

    document: Document
    problems: list[Problem] = field(default_factory=list)
    #: Every column that some expression or text of the file reads.
    used: set[str] = field(default_factory=set)
    #: Facts named `*_days` that count days.
    counts: frozenset[str] = frozenset()
    #: Names that texts show as percent.
    ratios: frozenset[str] = frozenset()

    def add(self, path: Path, message: str, hint: str = "") -> None:
        """Note a problem at `path`."""
        self.problems.append(self.document.problem(path, message, hint))

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        """Note something odd that works."""
        found = replace(self.document.problem(path, message, hint), severity=Severity.WARNING)
        # One expression may hold the same oddity twice.
        if found not in self.problems:
            self.problems.append(found)

    def note(self, path: Path, message: str, hint: str = "") -> None:
        """Note what is fine, and good to know."""
        found = self.document.problem(path, message, hint)
        self.problems.append(replace(found, severity=Severity.NOTE))

    def stands(self, section: str, name: str) -> bool:
        """Whether the file has it, though it may have been left out for its shape."""
        data = self.document.data
        there = data.get(section) if isinstance(data, dict) else None
        return isinstance(there, dict) and name in there

    def expression(
        self,
        path: Path,
        text: str,
        columns: MappingABC[str, ColumnKind],
        *,
        role: Role = "row",
        expect: Kind | None = None,
        later: MappingABC[str, str] | None = None,
        domains: Domains | None = None,
    ) -> Expr | None:
        """Compile an expression that must give `expect`.

        Args:
            path: where it stands.
            text: the expression.
            columns: names it may use.
            role: one value a row, or one aggregate.
            expect: the kind that it must give; None for any.
            later: names that exist but come later, and what they are.
            domains: what columns can hold, as far as it is known.
        """
        try:
            expr = expressions.compile(text, columns, role=role)
        except UnknownNameError as error:
            for name, hint in error.names.items():
                if later and name in later:
                    self.add(path, f"{name!r} is not known yet here: it is {later[name]}")
                else:
                    self.add(path, f"there is no {name!r} here", hint)
            return None
        except ExpressionError as error:
            self.add(path, error.reason, error.hint)
            return None
        self.used |= expr.columns
        if expect is not None and expr.kind not in (None, expect):
            given = "an instant" if expr.kind is Kind.INSTANT else f"a {expr.kind}"
            needed = "condition" if expect is Kind.BOOLEAN else expect
            self.add(path, f"gives {given}, but a {needed} is needed here")
            return expr
        condition = expect is Kind.BOOLEAN
        known = domains or {}
        for doubt in trials.doubts(expr, columns, known, self.ratios, condition=condition):
            note = self.warn if doubt.perhaps else self.add
            note(path, doubt.message, doubt.hint)
        return expr

    def text(
        self,
        path: Path,
        text: str,
        columns: MappingABC[str, ColumnKind],
        plain: tuple[str, ...] = (),
    ) -> None:
        """Check a text's fields."""
        self.used |= {found.name for found in templates.fields(text)}
        for message, hint in templates.mistakes(text, columns, plain, self.counts):
            self.add(path, message, hint)
