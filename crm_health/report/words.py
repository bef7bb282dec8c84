"""Small pieces of text that several reports share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from crm_health.config import model

#: Measure, cap or note that comes first in Why, after the score and its change.
_FIRST = r"^.*?(?:At most \d+: | [-+]\d+ )(.*?)\.(?: [-+]\d+ .*)?$"


def band_label(name: str | None) -> str:
    """A band as the CRM shows it; none is an empty text."""
    return model.band_label(name or "")


def counted(number: int, word: str, plural: str = "") -> str:
    """`1 task`, `3 tasks`, `1,200 accounts`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def top_reason(why: pl.Expr) -> pl.Expr:
    """The strongest reason of a Why text; for an unknown score, what is missing."""
    unknown = why.str.extract(r"^(Unknown: [^.]*)\.")
    return pl.coalesce(unknown, why.str.extract(_FIRST), why)


def instant(moment: datetime | None) -> str:
    """`2026-11-16 09:00 UTC`, or `never`."""
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def hundredths(value: int) -> str:
    """Hundredths of a point as points: `-3.25`, exact."""
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // 100}.{abs(value) % 100:02d}"


def signed(value: int) -> str:
    """Hundredths of a point as a change: `+1.50`."""
    return f"+{hundredths(value)}" if value > 0 else hundredths(value)


def number(value: Any) -> str:
    """A number without noise: at most four digits that matter, none behind a whole one."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.4g}"


def moved(before: Any, after: Any) -> str:
    """`72 -> 58`, `58` where nothing changed or nothing was there before."""
    then, now = number(before), number(after)
    if before is None or then == now:
        return now
    return f"{then} -> {now}"
