"""`python -m tests.bench.publish RUN.json ...`: put figures of runs into docs/benchmarks.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from tests.bench.measure import ROOT
from tests.bench.table import Result, figure

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN = "<!-- figures of {crm}: python -m tests.bench.publish -->"
END = "<!-- end of figures -->"
_NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def published(page: str, runs: list[dict[str, Any]]) -> str:
    """The page with the runs' figures in place of those between the marks of each CRM."""
    for crm in dict.fromkeys(run["crm"] for run in runs):
        begin = BEGIN.format(crm=crm)
        before, found, rest = page.partition(begin)
        _, _, after = rest.partition(END)
        if not found:
            raise ValueError(f"{PAGE.name} has no place for figures of {crm}")
        figures = _figures([run for run in runs if run["crm"] == crm])
        page = f"{before}{begin}\n\n{figures}\n\n{END}{after}"
    return page


def _figures(runs: list[dict[str, Any]]) -> str:
    first = runs[0]
    machine = ", ".join(f"{name} {value}" for name, value in first["machine"].items())
    heads = [f"{_NAMES[run['database']]}, {run['size']:,}" for run in runs]
    lines = [
        f"Machine: {machine}. Columns: database, accounts.",
        "",
        f"| target | limit | {' | '.join(heads)} |",
        f"| {' | '.join(['---'] * (2 + len(heads)))} |",
    ]
    results = [{r["target"]: _result(r) for r in run["results"]} for run in runs]
    for target in dict.fromkeys(name for found in results for name in found):
        cells = [_cell(found.get(target)) for found in results]
        known = next(found[target] for found in results if target in found)
        limit = "-" if known.limit is None else figure(known.limit, known.unit)
        lines.append(f"| {target} | {limit} | {' | '.join(cells)} |")
    lines += ["", "How, of the first column:", ""]
    lines += [f"- {result.target}: {result.how}" for result in results[0].values()]
    return "\n".join(lines)


def _result(row: dict[str, Any]) -> Result:
    return Result(**{name: value for name, value in row.items() if name != "verdict"})


def _cell(result: Result | None) -> str:
    if result is None:
        return "-"
    said = figure(result.measured, result.unit)
    return f"**{said}, missed**" if result.verdict == "missed" else said


def main(words: list[str]) -> None:
    """Rewrite the page."""
    runs = [orjson.loads(Path(word).read_bytes()) for word in words]
    PAGE.write_text(published(PAGE.read_text(), runs))


if __name__ == "__main__":
    main(sys.argv[1:])
