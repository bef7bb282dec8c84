"""Relative dates: TODAY, LAST_N_DAYS:30 and their kin, as half-open spans of days.

Weeks start on Sunday, as in an org with the United States' locale.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

_SHIFT = {"LAST": -1, "THIS": 0, "NEXT": 1}
RANGES = frozenset(
    {"YESTERDAY", "TODAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"}
    | {f"{w}_{unit}" for w in _SHIFT for unit in ("WEEK", "MONTH", "QUARTER", "YEAR")}
)
RANGES_OF_N = frozenset(
    name
    for unit in ("DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS")
    for name in (f"LAST_N_{unit}", f"NEXT_N_{unit}", f"N_{unit}_AGO")
)

_DAY = dt.timedelta(days=1)
_NEAR = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}


@dataclass(frozen=True, slots=True)
class Span:
    """Days from ``start`` up to, not including, ``end``. ``to_now`` stops at the current second."""

    start: dt.date
    end: dt.date
    to_now: bool = False


def span(name: str, n: int, today: dt.date) -> Span:
    """The days a relative date covers, seen from ``today``.

    Args:
        name: one of RANGES or RANGES_OF_N, in capitals.
        n: the number behind the colon, 0 where there is none.
        today: the day to count from.
    """
    if name in _NEAR:
        day = today + _NEAR[name] * _DAY
        return Span(day, day + _DAY)
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name, n = name.replace("90", "N"), 90
    first, _, rest = name.partition("_")
    if name == "LAST_N_DAYS":
        return Span(today - n * _DAY, today + _DAY, to_now=True)
    if name == "NEXT_N_DAYS":
        return Span(today + _DAY, today + (n + 1) * _DAY)
    if first == "N":
        unit = rest.removesuffix("S_AGO")
        return Span(_start(unit, today, -n), _start(unit, today, 1 - n))
    if rest.startswith("N_"):
        unit = rest.removeprefix("N_").removesuffix("S")
        if first == "LAST":
            return Span(_start(unit, today, -n), _start(unit, today, 0))
        return Span(_start(unit, today, 1), _start(unit, today, 1 + n))
    shift = _SHIFT[first]
    return Span(_start(rest, today, shift), _start(rest, today, shift + 1))


def _start(unit: str, today: dt.date, shift: int) -> dt.date:
    """First day of the unit that lies ``shift`` units from the one ``today`` is in."""
    if unit == "DAY":
        return today + shift * _DAY
    if unit == "WEEK":
        return today - (today.weekday() + 1) % 7 * _DAY + shift * 7 * _DAY
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    index = (today.year * 12 + today.month - 1) // months + shift
    year, month = divmod(index * months, 12)
    return dt.date(year, month + 1, 1)
