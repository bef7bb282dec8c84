"""What is wrong with the configuration, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from crm_health.errors import ConfigError


class Severity(StrEnum):
    """An error stops every run; a warning is only shown; a note says what is fine as well."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. Lines and columns count from 1; 0 where the file as a whole is meant."""

    file: str
    line: int
    column: int
    #: Where in the document, e.g. `measures.licence_use.curve`.
    path: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def text(self, source: str | None = None) -> str:
        """The problem on one line; with the file's text also its source line and a caret."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        word = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        path = f"{self.path}: " if self.path else ""
        lines = [f"{place}: {word}{path}{self.message}"]
        if self.hint:
            lines[0] += f" ({self.hint})"
        shown = _line(source, self.line)
        if shown:
            lines += [f"    {shown}", "    " + " " * (self.column - 1) + "^"]
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """The problem as plain values, for machines."""
        return asdict(self) | {"severity": self.severity.value}


def _line(source: str | None, number: int) -> str:
    if source is None or number < 1:
        return ""
    lines = source.splitlines()
    if number > len(lines):
        return ""
    # A terminal must not act on control characters that stand in a file.
    return "".join(c if c.isprintable() else " " for c in lines[number - 1][:160])


class ConfigProblems(ConfigError):
    """The configuration has mistakes: run `crm-health config check` to see them all."""

    def __init__(
        self, problems: Iterable[Problem], sources: Mapping[str, str] | None = None
    ) -> None:
        #: All problems of all files, in file order.
        self.problems = tuple(sorted(problems))
        #: File name to its text, for showing source lines.
        self.sources = dict(sources or {})
        super().__init__(self.render(), code="CH-CONFIG")

    def render(self) -> str:
        """Every problem with its source line, what stops a run last, and how many there are."""
        errors = [p for p in self.problems if p.severity is Severity.ERROR]
        warnings = [p for p in self.problems if p.severity is Severity.WARNING]
        parts = [p.text(self.sources.get(p.file)) for p in (*warnings, *errors)]
        count, odd = len(errors), len(warnings)
        besides = f", besides {odd} warning{'s' * (odd != 1)}" if odd else ""
        said = f"{count} problem{'s' * (count != 1)} in the configuration{besides}"
        parts.append(f"{said}; nothing was run.")
        return "\n".join(parts)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as `did you mean 'stage'?`, empty where nothing is near."""
    by_lower = {name.lower(): name for name in sorted(known)}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return f"did you mean {by_lower[found[0]]!r}?" if found else ""
