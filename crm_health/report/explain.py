"""Why an account's score is what it is: the receipt, added up before the reader's eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from crm_health.report.tables import table
from crm_health.report.words import hundredths, number

Receipt = Mapping[str, Any]

_OTHERS = {
    "cap_h": "cap",
    "override_h": "override by a person",
    "clamp_h": "kept within 1 to 100",
    "rounding_h": "rounding",
}


def explain(
    receipt: Receipt, name: str | None, shown: Mapping[str, Any], day: str
) -> list[RenderableType]:
    """The account's receipt as text.

    Args:
        receipt: As the history keeps it.
        name: The account's name, where known.
        shown: What the CRM shows now: `score`, `band`, `trend`, `coverage`, `why`, ...
        day: The date that the receipt stands for.
    """
    title = f"{name} ({receipt['account']})" if name else str(receipt["account"])
    parts: list[RenderableType] = [
        f"{title}, reading of {day}, model {receipt['model']}",
        _parts(receipt),
        *_notes(receipt),
        "",
        _compared(receipt, shown),
    ]
    if shown.get("why"):
        parts.append(f"Why, as the CRM has it: {shown['why']}")
    return parts


def _parts(receipt: Receipt) -> RenderableType:
    rows = [
        (
            driver["measure"],
            driver["dimension"],
            number(driver["value"]),
            f"{driver['points'] / 10:.1f}",
            number(driver["weight"]),
            hundredths(driver["share"]),
            hundredths(-driver["lost"]),
            driver["evidence"] or "-",
        )
        for driver in receipt["drivers"] or ()
    ]
    for column, words in _OTHERS.items():
        value = int(receipt.get(column) or 0)
        if value:
            rows.append((_named(receipt, column, words), "", "", "", "", hundredths(value), "", ""))
    total = sum(int(d["share"]) for d in receipt["drivers"] or ())
    total += sum(int(receipt.get(column) or 0) for column in _OTHERS)
    label = "score" if receipt["score"] is not None else "computed (no score: see below)"
    rows.append((label, "", "", "", "", hundredths(total), "", ""))
    headings = (
        "measure", "dimension", ">value", ">points of 100", ">weight",
        ">share of score", ">costs", "evidence of",
    )  # fmt: skip
    return table(headings, rows, last=1)


def _named(receipt: Receipt, column: str, words: str) -> str:
    if column == "cap_h" and receipt.get("capped"):
        return f"{words} {receipt['capped']}"
    return words


def _notes(receipt: Receipt) -> list[str]:
    """What is missing, held or set by a person, in whole sentences."""
    notes = []
    coverage = number(receipt.get("coverage"))
    notes.append(
        f"Evidence covers {coverage} % of the model's weight, "
        f"in {number(receipt.get('dimensions'))} dimensions."
    )
    if receipt["score"] is None:
        notes.append("That is too little for a score: the band is unknown, which is not green.")
    if receipt.get("missing"):
        notes.append(f"Missing, so not counted: {', '.join(receipt['missing'])}.")
    if receipt.get("stale"):
        notes.append(f"Too old, so not counted: {', '.join(receipt['stale'])}.")
    if receipt.get("override") is not None:
        notes.append(
            f"A person set the score to {number(receipt['override'])}; "
            f"computed: {number(receipt['computed'])}."
        )
    if receipt.get("held"):
        notes.append(f"{receipt['held']}.")
    return notes


def _compared(receipt: Receipt, shown: Mapping[str, Any]) -> RenderableType:
    """What was computed beside what the CRM shows: they may differ by one point."""
    pairs = (
        ("score", receipt["score"]),
        ("band", (receipt.get("band") or "").title() or None),
        ("band_since", receipt.get("band_since")),
        ("score_computed", receipt["computed"]),
    )
    rows = [(name, number(value), number(_plain(shown.get(name)))) for name, value in pairs]
    return table(("", ">computed", ">in the CRM"), rows)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else str(value)
