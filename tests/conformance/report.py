"""Runs the conformance suite for every connector and writes docs/conformance.md.

python -m tests.conformance.report
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.conformance.behaviours import HERE, PAGE, columns, sections

#: Outcome and reason of each test of a cell, by column and behaviour.
Cells = dict[tuple[str, str], list[tuple[str, str]]]

_HEAD = """\
# Which connector does what the core relies on

The contract between the core and a CRM is a test suite,
[crm_health/testing/conformance](../crm_health/testing/conformance). Each row is one of its
behaviours, each column one connector and one way of running it. This page is written by
`python -m tests.conformance.report`, which runs all of it.

"""
_NOT_THERE = "`-`: not run there, as what this column does differently has no part in it."
PASSES, FAILS, NOT_RUN = "passes", "FAILS", "NOT RUN"


class Notes:
    """Reasons, each numbered once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, reasons: Iterable[str]) -> str:
        """References to these reasons."""
        told = list(dict.fromkeys(reasons))
        self.texts += [reason for reason in told if reason not in self.texts]
        return "".join(f"[^{self.texts.index(reason) + 1}]" for reason in told)


def cell(outcomes: list[tuple[str, str]], notes: Notes) -> str:
    """One cell: passes, n.a. with its reason, or how many of several do which."""
    if not outcomes:
        return NOT_RUN
    if any(outcome == "failed" for outcome, _ in outcomes):
        return FAILS
    skipped = [reason for outcome, reason in outcomes if outcome == "skipped"]
    if not skipped:
        return PASSES
    done = len(outcomes) - len(skipped)
    return (f"{PASSES} {done} of {len(outcomes)}" if done else "n.a.") + notes.mark(skipped)


def page(cells: Cells) -> str:
    """The whole page."""
    notes, heads = Notes(), columns()
    lines = [f"- **{column.name}**: {column.sentence}" for column in heads]
    for title, behaviours in sections().items():
        names = " | ".join(column.name for column in heads)
        lines += ["", f"## {title.rstrip('.')}", "", f"| behaviour | {names} |"]
        lines.append("| --- |" + " --- |" * len(heads))
        for one in behaviours:
            row = [
                cell(cells.get((column.name, one.test), []), notes)
                if one.test in column.tests
                else "-"
                for column in heads
            ]
            lines.append(f"| {one.row} | {' | '.join(row)} |")
    lines += ["", _NOT_THERE, ""]
    lines += [f"[^{n}]: {text}" for n, text in enumerate(notes.texts, 1)]
    return _HEAD + "\n".join(lines) + "\n"


def outcomes(results: Path) -> Cells:
    """What a JUnit file says of each test."""
    cells: Cells = defaultdict(list)
    for case in ET.parse(results).iter("testcase"):
        suite = case.get("classname", "").rpartition(".")[2].removeprefix("Test")
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = ("failed", "")
        elif skipped is not None:
            outcome = ("skipped", skipped.get("message", ""))
        else:
            outcome = ("passed", "")
        cells[suite, case.get("name", "").partition("[")[0]].append(outcome)
    return cells


def main() -> int:
    """Run all, write the page, and return what pytest returned."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        run = [sys.executable, "-m", "pytest", "-q", f"--junitxml={results}", str(HERE)]
        code = subprocess.run(run, check=False).returncode
        PAGE.write_text(page(outcomes(results)))
    print(f"wrote {PAGE}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
