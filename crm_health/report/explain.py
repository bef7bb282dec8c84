"""Why an account's score is what it is: the receipt, added up before the reader's eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from crm_health.report.tables import table
from crm_health.report.words import band_label, hundredths, number, signed

Receipt = Mapping[str, Any]

_OTHERS = {
    "cap_h": "cap",
    "override_h": "override by a person",
    "clamp_h": "kept within 1 to 100",
    "rounding_h": "rounding",
}


def explain(
    receipt: Receipt, shown: Mapping[str, Any] | None, stands: Sequence[str] = ()
) -> list[RenderableType]:
    """The account's receipt as text.

    Args:
        receipt: As the history keeps it, with `name`, `weight_shared` and `between` of each
            driver, `version_of_model`, `model_changes`, `moved` and `moved_since`.
        shown: What the CRM shows now: `score`, `band`, `trend`, `coverage`, `why`, ...; None for
            the reading of another day.
        stands: Where the account stands now, in sentences.
    """
    name = receipt.get("name")
    title = f"{name} ({receipt['account']})" if name else str(receipt["account"])
    parts: list[RenderableType] = [
        f"{title}, reading of {receipt['day']}, model {receipt['model']}",
        *_version(receipt),
        _parts(receipt),
        *_notes(receipt),
        *_moved(receipt),
        *_facts(receipt),
        "",
        _compared(receipt, shown),
        *stands,
    ]
    if shown and shown.get("why"):
        parts.append(f"Why, as the CRM has it: {shown['why']}")
    return parts


def _version(receipt: Receipt) -> list[str]:
    """Whose model it was, since when, and why."""
    version = receipt.get("version_of_model")
    if not version:
        return []
    text = f"Model {version['digest']} counts since {version['since']}"
    change = version["change"]
    if change:
        text += f", by {change['owner']}, approved by {change['approver']}: {change['reason']}"
    return [text.rstrip(".") + "."]


def _moved(receipt: Receipt) -> list[RenderableType]:
    """The parts of the change over thirty days, and their sum."""
    then = receipt.get("moved_since")
    if not then:
        return []
    rows = [
        (m["part"], hundredths(m["then"]), hundredths(m["now"]), signed(m["change"]))
        for m in receipt["moved"]
    ]
    sums = [sum(int(m[name]) for m in receipt["moved"]) for name in ("then", "now", "change")]
    rows.append(("in all", hundredths(sums[0]), hundredths(sums[1]), signed(sums[2])))
    heading = f"Since {then['day']}, in points"
    if then["digest"] != receipt["digest"]:
        heading += " (the configuration has changed in between)"
    return ["", heading, table(("part", ">then", ">now", ">change"), rows, last=1)]


def _facts(receipt: Receipt) -> list[RenderableType]:
    """What is known of the account, and how old it is."""
    dates = receipt.get("evidence") or {}
    rows = [
        (name, number(value), str(dates.get(name, receipt["day"])))
        for name, value in sorted((receipt.get("facts") or {}).items())
    ]
    return ["", table(("fact", ">value", "evidence of"), rows)] if rows else []


def _parts(receipt: Receipt) -> RenderableType:
    rows = [
        (
            driver["measure"],
            driver["dimension"],
            number(driver["value"]),
            _between(driver.get("between")),
            f"{driver['points'] / 10:.1f}",
            _weight(driver),
            hundredths(driver["share"]),
            hundredths(-driver["lost"]),
            driver["evidence"] or "-",
        )
        for driver in receipt["drivers"] or ()
    ]
    for column, words in _OTHERS.items():
        value = int(receipt.get(column) or 0)
        if value:
            name = _named(receipt, column, words)
            rows.append((name, "", "", "", "", "", hundredths(value), "", ""))
    total = sum(int(d["share"]) for d in receipt["drivers"] or ())
    total += sum(int(receipt.get(column) or 0) for column in _OTHERS)
    label = "score" if receipt["score"] is not None else "computed (no score: see below)"
    rows.append((label, "", "", "", "", "", hundredths(total), "", ""))
    headings = (
        "measure", "dimension", ">value", "on its curve", ">points", ">weight, shared",
        ">share", ">costs", "evidence of",
    )  # fmt: skip
    return table(headings, rows, last=1)


def _between(corners: Sequence[Sequence[float]] | None) -> str:
    """`0.5:50 to 0.75:80`; beyond an end of the curve, that end."""
    if not corners:
        return ""
    left, right = (f"{number(x)}:{number(y)}" for x, y in corners)
    return left if left == right else f"{left} to {right}"


def _weight(driver: Mapping[str, Any]) -> str:
    """As the model gives it, and in percent once missing weight is shared out."""
    given, shared = number(driver["weight"]), driver.get("weight_shared")
    return given if shared is None else f"{given}, {shared:.1f} %"


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
            f"computed: {number(receipt['computed'] if receipt.get('coverage') else None)}."
        )
    notes += [_changed(change) for change in receipt.get("model_changes") or ()]
    if receipt.get("held"):
        notes.append(f"{receipt['held']}.")
    return notes


def _changed(change: Mapping[str, Any]) -> str:
    since = f"Another model counts since {change['day']}"
    if change["was"] is None:
        return f"{since}, and the one before can't be held against it: the trend begins anew."
    return (
        f"{since}: the score became {number(change['score'])} that day, and the one before would "
        f"have given {number(change['was'])}; the trend leaves this out."
    )


def _compared(receipt: Receipt, shown: Mapping[str, Any] | None) -> RenderableType:
    """What was computed beside what the CRM shows: they may differ by one point."""
    pairs = (
        ("score", receipt["score"]),
        ("band", band_label(receipt.get("band")) or None),
        ("band_since", receipt.get("band_since")),
        # Where nothing is known the parts add up to 1, which no field shows.
        ("score_computed", receipt["computed"] if receipt.get("coverage") else None),
    )
    if shown is None:
        return table(("", ">computed"), [(name, number(value)) for name, value in pairs])
    rows = [(name, number(value), number(_plain(shown.get(name)))) for name, value in pairs]
    return table(("", ">computed", ">in the CRM"), rows)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else str(value)
