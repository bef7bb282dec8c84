"""What a change of the model would do: tables for people, the same as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from rich.console import RenderableType

from crm_health.health.model_diff import ModelDiff, band_moves, distances
from crm_health.report.tables import table
from crm_health.report.words import band_label, counted, moved, number, signed

#: Accounts that the table shows at most.
LIMIT = 20
_SIDES = ("score", "band_now", "band", "model", "capped")


@dataclass(frozen=True)
class Told:
    """Everything that a report of a difference shows."""

    old: str
    new: str
    as_of: str
    #: Path in the model, what it said, what it says.
    changes: Sequence[tuple[str, str, str]]
    diff: ModelDiff
    #: Bands from worst to best, of both models.
    bands: Sequence[str]
    #: By rule, what it does, and how many accounts: would open or close under the new model and
    #: not under the old one (`more`), or the other way round (`fewer`).
    rules: Sequence[dict[str, Any]] = field(default=())
    #: Why a sync would refuse the new model all the same.
    objection: str | None = None


def values(told: Told, limit: int | None) -> dict[str, Any]:
    """The difference as plain values; of the accounts the first `limit`, None for all."""
    accounts = told.diff.accounts
    known = accounts["move"].is_not_null()
    shown = _changed(accounts)
    rows = shown.head(limit) if limit is not None else shown
    return {
        "old": told.old,
        "new": told.new,
        "as_of": told.as_of,
        "objection": told.objection,
        "changes": [{"path": p, "old": a, "new": b} for p, a, b in told.changes],
        "customers": accounts.height,
        "scores": {
            "moved": [
                {"from": low, "to": high, "accounts": n} for low, high, n in distances(accounts)
            ],
            "mean": accounts["move"].mean(),
            "come": _come(accounts),
            "go": _go(accounts),
            "in_both": int(known.sum()),
        },
        "bands": [_turn(*row) for row in band_moves(accounts, "band_now", told.bands)],
        "bands_at_once": [_turn(*row) for row in band_moves(accounts, "band", told.bands)],
        "parts": told.diff.parts.to_dicts(),
        "rules": list(told.rules),
        "accounts": [_account(row) for row in rows.iter_rows(named=True)],
    }


def tables(told: Told) -> list[RenderableType]:
    """The difference for people, the most important line last."""
    accounts = told.diff.accounts
    changed = _changed(accounts)
    out: list[RenderableType] = [f"From {told.old} to {told.new}, on the customers of {told.as_of}"]
    if told.changes:
        out += ["", table(("in the model", "was", "is"), told.changes)]
    if changed.is_empty():
        return [*out, *_rules(told), *_end(told, changed)]
    steps = [(_step(low, high), f"{n:,}") for low, high, n in distances(accounts)]
    steps += [
        (text, f"{n:,}")
        for text, n in (("get a score", _come(accounts)), ("lose theirs", _go(accounts)))
        if n
    ]
    out += ["", table(("the score moves by", ">customers"), steps), *_parts(told), *_bands(told)]
    rows = [_row(row) for row in changed.head(LIMIT).iter_rows(named=True)]
    headings = ("account", "name", ">score", "band of the score", "mostly by")
    out += ["", table(headings, rows)]
    if changed.height > LIMIT:
        out.append(f"The {LIMIT} that move farthest, of {changed.height:,}.")
    return [*out, *_rules(told), *_end(told, changed)]


def _changed(accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts for which anything differs."""
    same = [pl.col(f"{name}_old").eq_missing(pl.col(f"{name}_new")) for name in _SIDES[:3]]
    return accounts.filter(~pl.all_horizontal(same))


def _come(accounts: pl.DataFrame) -> int:
    return accounts.filter(pl.col("score_old").is_null() & pl.col("score_new").is_not_null()).height


def _go(accounts: pl.DataFrame) -> int:
    return accounts.filter(pl.col("score_old").is_not_null() & pl.col("score_new").is_null()).height


def _step(low: int, high: int) -> str:
    if high == 0:
        return "nothing"
    if low == high:
        return f"{low}"
    return f"{low} to {high}" if high < 99 else f"more than {low - 1}"


def _parts(told: Told) -> list[RenderableType]:
    rows = [
        (p["part"], f"{p['accounts']:,}", number(p["up"]), number(p["down"]),
         f"{p['mean']:+.2f}", f"{p['bands']:,}")
        for p in told.diff.parts.iter_rows(named=True)
    ]  # fmt: skip
    headings = ("by which part", ">customers", ">points given", ">points taken", ">mean",
                ">change band by it")  # fmt: skip
    return ["", table(headings, rows)] if rows else []


def _bands(told: Told) -> list[RenderableType]:
    accounts = told.diff.accounts
    at_once = {(a, b): n for a, b, n in band_moves(accounts, "band", told.bands)}
    by_score = {(a, b): n for a, b, n in band_moves(accounts, "band_now", told.bands)}
    pairs = list(dict.fromkeys([*by_score, *at_once]))
    if not pairs:
        return ["", "Nobody changes band."]
    rows = [
        (
            band_label(a),
            band_label(b),
            f"{by_score.get((a, b), 0):,}",
            f"{at_once.get((a, b), 0):,}",
        )
        for a, b in pairs
    ]
    return ["", table(("band", "becomes", ">by the score", ">written at once"), rows)]


def _rules(told: Told) -> list[RenderableType]:
    rows = [
        (rule["rule"], rule["does"], *(f"{rule[name]:,}" for name in _RULES)) for rule in told.rules
    ]
    if not rows:
        return ["", "No task or escalation would open or close because of it."]
    headings = ("rule", "does", ">opens", ">no longer opens", ">closes", ">no longer closes")
    return ["", table(headings, rows)]


_RULES = ("opens", "opens_no_more", "closes", "closes_no_more")


def _end(told: Told, changed: pl.DataFrame) -> list[RenderableType]:
    accounts = told.diff.accounts
    turned = sum(n for _, _, n in band_moves(accounts, "band_now", told.bands))
    moved_far = accounts.filter(pl.col("score_old").ne_missing(pl.col("score_new"))).height
    lines = [""]
    if told.objection:
        lines.append(f"A sync would refuse it: {told.objection}.")
    lines.append(
        f"{moved_far:,} of {counted(accounts.height, 'score')} move, {turned:,} change band. "
        "Nothing was read from the CRM or written."
        if changed.height
        else f"None of {counted(accounts.height, 'score')} moves."
    )
    return list(lines)


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    was, now = row["band_now_old"], row["band_now_new"]
    band = band_label(now) if was == now else f"{band_label(was)} -> {band_label(now)}"
    if row["score_new"] is None and row["score_old"] is not None:
        by = "too little evidence"
    elif row["score_old"] is None and row["score_new"] is not None:
        by = "evidence enough"
    else:
        by = f"{row['part']} {signed(row['change'])}" if row["part"] else ""
    if row["model_old"] != row["model_new"]:
        by += f", model {row['model_old'] or 'none'} -> {row['model_new'] or 'none'}"
    return row["account_id"], row["name"] or "", moved(row["score_old"], row["score_new"]), band, by


def _turn(was: str, now: str, accounts: int) -> dict[str, Any]:
    return {"from": was, "to": now, "accounts": accounts}


def _account(row: dict[str, Any]) -> dict[str, Any]:
    found = {"account_id": row["account_id"], "name": row["name"], "move": row["move"]}
    for name in _SIDES:
        found[name] = [row[f"{name}_old"], row[f"{name}_new"]]
    return found | {"part": row["part"], "change": row["change"]}
