"""How good the alerts were, for people and as plain values."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType

from crm_health.programmes.quality import ENOUGH, FOLLOWED
from crm_health.report.tables import table
from crm_health.report.words import counted, number
from crm_health.sync.alerted import Quality


def tables(found: Quality) -> list[RenderableType]:
    """The rules, what to change, and how long customers waited for a word."""
    span = f"between {found.first} and {found.last}"
    out: list[RenderableType] = []
    if found.rules.is_empty():
        out.append(f"No alert opened {span}.")
    else:
        headings = (
            "rule", ">opened", ">judged", ">useful", ">95 %", ">knew already", ">band fell",
            ">days ahead",
        )  # fmt: skip
        out.append(table(headings, [_rule(row) for row in found.rules.iter_rows(named=True)]))
        out.append(
            f"Opened {span}. Useful: a person said so, or, where nobody said anything, somebody "
            f"was in touch within {FOLLOWED.days} days. Days ahead: the median until the band "
            "fell, of those whose customers it did."
        )
    out += _noise(found)
    if not found.contacted.is_empty():
        rows = [
            (
                row["event"],
                number(row["events"]),
                number(row["contacted"]),
                number(row["median"]),
                _percent(row["at_once"]),
            )
            for row in found.contacted.iter_rows(named=True)
        ]
        out.append(
            table(("event", ">events", ">contacted", ">median days", ">by the next day"), rows)
        )
    return out


def values(found: Quality) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "first": found.first,
        "last": found.last,
        "rules": found.rules.to_dicts(),
        "proposals": {
            rule: {"fact": name, "operator": op, "now": threshold, "instead": instead}
            for rule, (name, op, threshold, instead) in found.proposals.items()
        },
        "first_contact": found.contacted.to_dicts(),
    }


def _rule(row: dict[str, Any]) -> tuple[str, ...]:
    interval = "-" if row["low"] is None else f"{100 * row['low']:.0f} to {100 * row['high']:.0f}"
    return (
        row["rule"],
        number(row["opened"]),
        number(row["judged"]),
        _percent(row["precision"]),
        interval,
        number(row["known"]),
        number(row["led"]),
        number(row["lead"]),
    )


def _noise(found: Quality) -> list[RenderableType]:
    noisy = found.rules.filter("noisy")["rule"].to_list()
    if not noisy:
        return [f"No rule is noise. It takes {ENOUGH} judgements to say so."]
    what = counted(len(noisy), "rule is noise", "rules are noise")
    lines: list[RenderableType] = [
        f"{what}: fewer than half of its alerts are useful, and luck does not explain it."
    ]
    for rule in noisy:
        name, op, now, instead = found.proposals.get(rule, ("", "", 0.0, None))
        if instead is None:
            lines.append(f"{rule}: no other threshold tells noise apart; let it be `quiet`.")
            continue
        lines.append(
            f"{rule}: `{name} {op} {instead['threshold']:.4g}` in place of {now:.4g} would have "
            f"kept {instead['kept']} of {counted(instead['useful'], 'useful one')} and spared "
            f"{instead['dropped']} of {instead['noise']} others."
        )
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
