"""The months of a year as tables for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from tests.year.book import TASKS, Book, Month


def tables(book: Book) -> str:
    """All of them, one under the other."""
    months = book.months
    parts = [
        _table(
            ["month", *TASKS, "closed by people", "closed by us", "open at the end"],
            [
                [name, *(m.opened[k] for k in TASKS), m.closed_by_people, m.closed_by_us, m.open]
                for name, m in months.items()
            ],
        ),
        _table(
            ["month", "new tasks of a person in a week, middle", "most", "most a day by the budget",
             "most a day in all", "waiting, middle day", "most", "not told any more", "days held"],
            [
                [name, *_weeks(m), m.most, m.most_in_all, _middle(m.waiting), max(m.waiting),
                 max(m.expired), m.held]
                for name, m in months.items()
            ],
        ),
        _table(
            ["month", "opened by rules", "by people", "resolved", "open at the end", "past due",
             "leadership told"],
            [
                [name, m.escalated["rules"], m.escalated["people"], m.resolved, m.escalations_open,
                 m.overdue, m.opened["leadership"]]
                for name, m in months.items()
            ],
        ),
        _places(months),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _places(months: dict[str, Month]) -> str:
    stages = _names([m.stages for m in months.values()], ("Land", "Adopt", "Expand", "Renew"))
    tiers = _names([m.tiers for m in months.values()], ("Strategic", "Growth", "Digital"))
    bands = _names([m.bands for m in months.values()], ("Red", "Yellow", "Green", "Unknown"))
    return _table(
        ["month", *stages, "moves", *tiers, "moves", *bands, "moves", "accounts written a day",
         "most"],
        [
            [name, *(m.stages[s] for s in stages), m.stage_moves, *(m.tiers[t] for t in tiers),
             m.tier_moves, *(m.bands[b] for b in bands), m.band_moves, _middle(m.written),
             max(m.written)]
            for name, m in months.items()
        ],
    )  # fmt: skip


def _names(found: Sequence[Counter[str]], order: Sequence[str]) -> list[str]:
    there = {name for counts in found for name in counts}
    return [*(name for name in order if name in there), *sorted(there - set(order))]


def _weeks(month: Month) -> tuple[str, int]:
    counts = list(month.weekly.values())
    return _middle(counts), max(counts, default=0)


def _middle(numbers: Sequence[int]) -> str:
    return f"{median(numbers):g}" if numbers else "0"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
