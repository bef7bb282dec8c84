"""What the past says of each measure, for people and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from crm_health.health.backtest import ENOUGH, Past, Tested
from crm_health.health.ranking import Auc, Caught
from crm_health.report.tables import table
from crm_health.report.words import counted

#: Beside the interval; a customer's CRM should not do better.
_TOO_GOOD = 0.85


def tables(past: Past) -> list[RenderableType]:
    """The tests, the sum last."""
    days = past.horizon.days
    if not past.enough:
        return [_too_few(past)]
    rows = [_row(test) for test in past.tests]
    headings = (
        "measure", "sign", ">area under ROC", ">95 %", ">left", ">stayed", ">days ahead", ">spoke",
    )  # fmt: skip
    out: list[RenderableType] = [table(headings, rows)]
    out += _bands(past.caught) if past.caught else []
    out.append(
        f"0.5 is a coin. Who left within {days} days of a reading against who did not, on "
        f"{counted(len(past.landmarks), 'day')} from {past.landmarks[-1]} to {past.landmarks[0]}. "
        "Days ahead: the median from the day a measure went low (below three quarters of those who "
        "stayed) and stayed so, of those of whom it spoke."
    )
    suspects = [t.measure for t in past.tests if t.auc and t.auc.area > _TOO_GOOD]
    if suspects:
        out.append(
            f"Too good to trust: {', '.join(suspects)}. Look whether a fact changes because a "
            "customer has left."
        )
    out.append(
        f"{past.judged:,} of {counted(past.left, 'customer')} who left can be judged. The score "
        "describes; it is not a probability."
    )
    return out


def values(past: Past) -> dict[str, Any]:
    """The same as plain values."""
    found = past.caught
    return {
        "enough": past.enough,
        "needed": ENOUGH,
        "left": past.left,
        "judged": past.judged,
        "horizon_days": past.horizon.days,
        "landmarks": list(past.landmarks),
        "measures": [_value(test) for test in past.tests],
        "bands": None
        if found is None
        else {
            "left": found.base,
            "left_of_worst": found.worst,
            "lift_of_worst": found.lift,
            "left_below_best": found.below,
            "all_below_best": found.in_below,
        },
    }


def _too_few(past: Past) -> str:
    why = (
        "Those are told by churned_at, if the mapping names it, and by renewals that were lost."
        if not past.left
        else f"Of {counted(past.left, 'customer')} who left, {past.judged:,} had a reading in the "
        f"{past.horizon.days} days before, on one of the days that can be looked at."
    )
    return f"Not enough data: {ENOUGH} customers who left are needed. {why}"


def _row(test: Tested) -> tuple[str, ...]:
    known = test.sign != "not enough data"
    area = test.auc
    return (
        test.measure,
        test.sign,
        f"{area.area:.2f}" if area and known else "-",
        _interval(area) if area and known else "-",
        f"{area.left:,}" if area else "0",
        f"{area.stayed:,}" if area else "0",
        f"{test.lead:.0f}" if test.lead is not None and known else "-",
        f"{test.spoke:,} of {test.heard:,}" if known else "-",
    )


def _interval(area: Auc) -> str:
    low, high = area.interval
    return f"{low:.2f} to {high:.2f}"


def _bands(found: Caught) -> Sequence[str]:
    worst = (
        "Nobody was in the worst band."
        if found.worst is None or found.lift is None
        else f"Of the worst band {found.worst:.0%} left, of all {found.base:.0%}: "
        f"{found.lift:.1f} times as many."
    )
    return [
        worst,
        f"Below the best band: {found.below:.0%} of those who left, of all {found.in_below:.0%}.",
    ]


def _value(test: Tested) -> dict[str, Any]:
    area = test.auc
    return {
        "measure": test.measure,
        "sign": test.sign,
        "auc": area.area if area else None,
        "interval": list(area.interval) if area else None,
        "left": area.left if area else 0,
        "stayed": area.stayed if area else 0,
        "lead_days": test.lead,
        "spoke": test.spoke,
        "heard": test.heard,
    }
