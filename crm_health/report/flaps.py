"""Accounts whose band does not stay, for people and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rich.console import RenderableType

from crm_health.health.flaps import Turn
from crm_health.report.tables import table
from crm_health.report.words import band_label, counted, moved, signed

#: Id, name, and the changes of its band.
Row = tuple[str, str | None, Sequence[Turn]]


def flaps(rows: Sequence[Row], first: date, last: date, everybody: int) -> list[RenderableType]:
    """One line a change, the account's name at its first."""
    span = f"between {first} and {last}"
    if not rows:
        return [f"No band of {counted(everybody, 'account')} changed more than once {span}."]
    lines = [
        (
            account if place == 0 else "",
            (name or "") if place == 0 else "",
            str(turn.day),
            f"{band_label(turn.before)} -> {band_label(turn.after)}",
            moved(turn.score_before, turn.score),
            _why(turn),
        )
        for account, name, turns in rows
        for place, turn in enumerate(turns)
    ]
    headings = ("account", "name", "day", "band", ">score", "what moved it")
    end = f"{len(rows):,} of {counted(everybody, 'account')} changed band more than once {span}."
    return [table(headings, lines), end]


def values(rows: Sequence[Row], first: date, last: date, everybody: int) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "first": first,
        "last": last,
        "accounts": everybody,
        "flaps": [
            {
                "account_id": account,
                "name": name,
                "turns": [
                    {
                        "day": turn.day,
                        "band": [turn.before, turn.after],
                        "score": [turn.score_before, turn.score],
                        "part": turn.by.part if turn.by else None,
                        "change": turn.by.change if turn.by else None,
                        "beside": list(turn.beside),
                    }
                    for turn in turns
                ],
            }
            for account, name, turns in rows
        ],
    }


def _why(turn: Turn) -> str:
    parts = [f"{turn.by.part} {signed(turn.by.change)}"] if turn.by else []
    return ", ".join([*parts, *turn.beside]) or "time: the readings and days it needed had passed"
