"""The page that says how well it ranks, from what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from crm_health.health.ranking import Auc
from tests.ranking.scene import Result

_HEAD = (
    "data", "customers", "left", "score: AUC (95 %)", "naive: AUC (95 %)",
    "score above naive (95 %)", "one input: AUC (95 %)",
)  # fmt: skip
_BANDS = (
    "data", "left: of all", "of the red", "lift of red", "red: of all",
    "below green: of those who left", "of all", "no score (left)",
)  # fmt: skip
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"


def measured(results: Sequence[Result]) -> str:
    """Both tables and what each row is."""
    lines: list[str] = []
    for real, title in ((True, "Real data"), (False, "Made-up data")):
        some = [found for found in results if found.study.real == real]
        if some:
            lines += [f"## {title}", "", *areas(some), "", *bands(some), "", *_what(some)]
    return "\n".join([BEGIN, "", *lines, END])


def areas(results: Sequence[Result]) -> list[str]:
    """The areas under the ROC curve, of those with a score."""
    return _table(_HEAD, [area_row(found) for found in results])


def area_row(found: Result) -> tuple[str, ...]:
    """One line of `areas`."""
    return (
        found.study.name,
        f"{found.score.left + found.score.stayed:,}",
        f"{found.score.left:,}",
        f"**{_area(found.score)}**",
        _area(found.naive),
        "{} ({} to {})".format(*map(_signed, found.gain)),
        f"{_area(found.first)} ({found.study.first})",
    )


def bands(results: Sequence[Result]) -> list[str]:
    """What the bands caught."""
    return _table(_BANDS, [_band_row(found) for found in results])


def _band_row(found: Result) -> tuple[str, ...]:
    seen = found.caught
    return (
        found.study.name,
        _percent(seen.base),
        "-" if seen.worst is None else _percent(seen.worst),
        "-" if seen.lift is None else f"{seen.lift:.2f}",
        _percent(seen.in_worst),
        _percent(seen.below),
        _percent(seen.in_below),
        f"{found.unknown:,} ({found.unknown_left:,})" if found.unknown else "0",
    )


def _what(results: Sequence[Result]) -> list[str]:
    studies = [found.study for found in results]
    return [*(f"- **{s.name}**: {s.account}; left means {s.leaving}." for s in studies), ""]


def _signed(value: float) -> str:
    # Nought has no sign.
    return f"{round(value, 2) + 0.0:+.2f}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _area(area: Auc) -> str:
    low, high = area.interval
    return f"{area.area:.2f} ({low:.2f} to {high:.2f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    line = "| " + " | ".join(head) + " |"
    rule = "|" + "|".join(" --- " for _ in head) + "|"
    return [line, rule, *("| " + " | ".join(row) + " |" for row in rows)]
