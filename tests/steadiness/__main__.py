"""`python -m tests.steadiness`: measure for a few minutes, and put the figures into the page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.steadiness.measure import Found, measure

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "how-steady-it-is.md"
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"
CUSTOMERS, DAYS = 300, 90
SHARES = (0.0, 0.05)


def table(found: Sequence[Found]) -> str:
    """A column for each share of noise."""
    lines: list[tuple[str, list[str]]] = [
        ("a score moves from day to day by", [f"{f.step:.2f} points" for f in found]),
        (
            "bands that the score alone would have changed",
            [f"{f.bare_moves} on {f.bare_moved} accounts" for f in found],
        ),
        ("**bands that changed**", [f"**{f.moves} on {f.moved} accounts**" for f in found]),
        ("tasks opened", [f"{f.tasks}" for f in found]),
        ("escalations opened", [f"{f.escalations}" for f in found]),
        (
            "**accounts written a day**",
            [f"**{f.a_day:.1f} %** ({f.usual:.1f} % on the middle day)" for f in found],
        ),
        *(
            (f"of these for {text}", [f"{f.causes.get(cause, 0):,}" for f in found])
            for cause, text in (
                ("band", "a band"),
                ("trend", "a trend"),
                ("score", "a score that was two points off"),
                ("words", "the top line, kind of evidence or weekly scores"),
            )
        ),
    ]
    heads = [f"noise of {100 * f.share:.0f} %" if f.share else "no noise" for f in found]
    rows = [["", *heads], ["---"] * (1 + len(found)), *([name, *cells] for name, cells in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def written() -> str:
    """The page as it should be."""
    found = [measure(CUSTOMERS, DAYS, share) for share in SHARES]
    before = PAGE.read_text(encoding="utf-8")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{table(found)}\n\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
    sys.exit(0)
