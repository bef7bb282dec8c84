"""The pairs that are measured inside a process of their own, as results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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


#: Records that HubSpot's own client reads for its figure: 100,000 take it half a minute.
_SAMPLE = 20_000
#: The burst of an account, and the seconds in which it may be used.
BURST, WINDOW = 190, 10.0
_CALLS = 2_000


def pages(scene: Scene, repeats: int) -> list[Result]:
    """Reading one object of a portal by list and storing it."""
    asked = {"object": "tickets", "sample": _SAMPLE, "repeats": repeats}
    pair = measure.item("pages", scene.new_state().environment, **asked)
    return [
        Result(
            "CPU a record, stored in the mirror, over get_page, which stores nothing",
            pair["ours"] / pair["theirs"],
            "x",
            f"{pair['rows']:,} tickets, {pair['ours'] * 1e6:.0f} us a record; "
            f"{pair['sample']:,} of them with hubspot-api-client, {pair['theirs'] * 1e6:.0f} us, "
            f"least of {repeats}",
            1 / 5,
            pair,
        )
    ]


def pace(scene: Scene) -> list[Result]:
    """How much of an allowance of 190 calls in ten seconds a read by one process uses."""
    box = scene.sandbox
    box.hubspot.settings(limits=True, burst=BURST)
    box.freeze(frozen=False)
    box.clear_calls()
    try:
        measure.item("pace", scene.new_state().environment, object="tickets", calls=_CALLS)
        log = box.calls()
    finally:
        box.freeze()
        scene.unlimited()
    refused = sum(call["status"] == 429 for call in log)
    good = [datetime.fromisoformat(call["at"]) for call in log if call["status"] < 300]
    used, windows = share(good)
    return [
        Result(
            "share of the allowance that a full read leaves unused",
            100 * (1 - used),
            "%",
            f"{len(good):,} calls; in {windows} whole windows of ten seconds {100 * used:.1f} % of "
            f"{BURST} each",
            5.0,
            {"calls": len(good), "windows": windows},
        ),
        Result("calls refused meanwhile (429)", refused, "", f"of {len(log):,}", 3),
    ]


def share(calls: Sequence[datetime]) -> tuple[float, int]:
    """Calls over the allowance of the whole windows since the first one, and how many windows."""
    seconds = [(at - calls[0]).total_seconds() for at in calls]
    windows = int(seconds[-1] // WINDOW)
    return sum(at < windows * WINDOW for at in seconds) / (BURST * windows), windows


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
