"""`python -m tests.year`: live through the year on both CRMs, and put its tables into the page.

It takes some twenty minutes of one processor, more on a busy machine. What was seen is kept in a
folder, a line a day; with that folder named once more the tables are made anew from what is there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

from connectors.sandbox.crms import CRMS
from crm_health.config.load import load
from tests.year.book import Book
from tests.year.equal import Apart, both
from tests.year.findings import Findings
from tests.year.living import read, write
from tests.year.table import tables
from tests.year.world import World, world

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "a-year.md"
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"
CUSTOMERS, DAYS = 100, 365


def lived(found: World, folder: Path) -> dict[str, Path]:
    """Go through the year on both, each in a process; returns what was seen of each."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.jsonl" for name in CRMS}
    context = multiprocessing.get_context("spawn")
    # No daemons: each has a sandbox of its own as a child.
    running = [
        context.Process(target=write, args=(name, found, folder / name, out))
        for name, out in files.items()
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
    if any(process.exitcode for process in running):
        raise RuntimeError("one of the two did not come to its end")
    return files


def told(found: World, files: dict[str, Path]) -> tuple[str, list[str], Book, Apart]:
    """The page's part, what was wrong, and what both rest on."""
    config = load()
    books = {name: Book(config, found.holders) for name in files}
    findings = {name: Findings(config) for name in files}
    for name, out in files.items():
        for day in read(out):
            books[name].add(day)
            findings[name].add(day)
    apart = both(*(read(out) for out in files.values()))
    faults = [f"{name}: {fault}" for name, book in books.items() for fault in book.faults]
    first = next(iter(books.values()))
    lines = [
        tables(first),
        "",
        *(f"- {line}" for line in next(iter(findings.values())).lines()),
        "",
        f"Compared on {apart.days} days: {apart.compared:,} values, {len(apart.found)} apart.",
        f"On {apart.lags:,} account-days one of the two was a write behind.",
        f"Rules broken: {len(faults)}.",
    ]
    return "\n".join(lines), [*faults, *apart.found], first, apart


def main() -> int:
    """Write the page; what went wrong goes to stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.year")
    parser.add_argument("folder", type=Path, help="what was seen is kept here")
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--days", type=int, default=DAYS)
    asked = parser.parse_args()
    found = world(asked.customers, asked.days)
    files = {name: asked.folder / f"{name}.jsonl" for name in CRMS}
    if not all(out.exists() for out in files.values()):
        files = lived(found, asked.folder)
    part, wrong, _, _ = told(found, files)
    before = PAGE.read_text(encoding="utf-8")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n\n{part}\n\n{END}{tail}", encoding="utf-8")
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
