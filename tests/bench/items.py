"""The pairs that are measured inside a process of their own, as results."""

from __future__ import annotations

from typing import Any

from tests.bench import measure
from tests.bench.scene import Scene
from tests.bench.table import Result


def wire(scene: Scene, repeats: int) -> list[Result]:
    """Reading one object, by REST and by Bulk."""
    found = measure.item("wire", scene.new_state().environment, object="Case", repeats=repeats)
    return [
        Result(
            f"{name}: wire to typed frame over query_all_iter",
            pair["ours"] / pair["theirs"],
            "x",
            f"{pair['rows']:,} cases, {pair['ours']:.2f} s over {pair['theirs']:.2f} s, least of "
            f"{repeats}",
            1 / 3,
            pair,
        )
        for name, pair in found.items()
    ]


def storing(scene: Scene, repeats: int) -> list[Result]:
    """The first full read of the cases, page by page."""
    pair = measure.item("storing", scene.environment, repeats=repeats)
    return [_pair("storing over a bare write of the same rows", pair, 1.5, repeats, "cases")]


def loading(scene: Scene, repeats: int) -> list[Result]:
    """One part of a full assessment, all entities together and each."""
    found = measure.item("loading", scene.environment, repeats=repeats)
    total = {key: sum(pair[key] for pair in found.values()) for key in ("ours", "bare", "rows")}
    total["by_entity"] = {name: pair["ours"] / pair["bare"] for name, pair in found.items()}
    return [_pair("loading over a bare read of the same columns", total, 1.5, repeats, "rows")]


def assessing(scene: Scene, repeats: int) -> list[Result]:
    """From loaded frames on."""
    found = measure.item("assessing", scene.environment, repeats=repeats)
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found["steps"].items())
    how = f"{found['accounts']:,} accounts, {found['rows']:,} rows, bare {found['bare']:.2f} s"
    return [
        Result(
            "assessing over a bare aggregation: facts and score",
            found["narrow"] / found["bare"],
            "x",
            f"{how}, ours {found['narrow']:.2f} s, least of {repeats}",
            3.0,
            found,
        ),
        Result(
            "assessing over a bare aggregation: texts, trend and receipts too",
            found["everything"] / found["bare"],
            "x",
            f"{how}, ours {found['everything']:.2f} s: {steps}",
            3.0,
            found,
        ),
    ]


def _pair(target: str, pair: dict[str, Any], limit: float, repeats: int, what: str) -> Result:
    seconds = f"{pair['ours']:.2f} s over {pair['bare']:.2f} s"
    how = f"{pair['rows']:,} {what}, {seconds}, least of {repeats}"
    return Result(target, pair["ours"] / pair["bare"], "x", how, limit, pair)
