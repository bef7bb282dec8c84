"""Assessing a book, and asking it, as it grows: on states that were filled without a CRM."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.bench import measure
from tests.bench.rows import EACH
from tests.bench.scene import surroundings
from tests.bench.table import Result
from tests.explaining.__main__ import edited

#: The smaller book that the large one is held against.
_PART = 5
#: One of the accounts.
_ACCOUNT = "001000000000000007"
_TURNS = 3


def growth(size: int, folder: Path, repeats: int) -> list[Result]:
    """A book of that size beside one of a fifth."""
    small, _ = _assessed(size // _PART, folder / "small", 0)
    large, environment = _assessed(size, folder / "large", repeats)
    each = [1e6 * (found["book"] + found["parts"]) / found["accounts"] for found in (large, small)]
    rows = sum(round(size * share) for share in EACH.values())
    pairs, bare = large["pairs"], large["pairs"]["bare"]
    few = f"{pairs['accounts']:,} accounts, {pairs['rows']:,} rows, bare {bare:.2f} s"
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in pairs["steps"].items())
    return [
        Result(
            "assessing with usage over a bare aggregation: facts and score",
            pairs["narrow"] / bare,
            "x",
            f"{few}, ours {pairs['narrow']:.2f} s, least of {repeats}",
            3.0,
            pairs,
        ),
        Result(
            "the same: texts, trend and receipts too",
            pairs["everything"] / bare,
            "x",
            f"{few}, ours {pairs['everything']:.2f} s: {steps}",
            3.0,
        ),
        Result(
            "the whole book: CPU an account over that at a fifth of the size",
            each[0] / each[1],
            "x",
            f"{rows:,} rows loaded, assessed and kept, {each[0]:.0f} us an account over "
            f"{each[1]:.0f} us; the pass over the book {large['book']:.1f} s of "
            f"{large['book'] + large['parts']:.1f} s",
            1.1,
            {"large": large, "small": small},
        ),
        Result(
            "the whole book: peak memory over that at a fifth of the size",
            large["peak"] / small["peak"],
            "x",
            f"{large['peak']:.0f} MiB over {small['peak']:.0f} MiB, maxrss of the process",
            1.3,
        ),
        *_answers(environment, folder),
    ]


def _assessed(size: int, folder: Path, repeats: int) -> tuple[Any, dict[str, str]]:
    folder.mkdir()
    environment = surroundings(folder / "state.db")
    begun = time.perf_counter()
    measure.item("filling", environment, accounts=size)
    print(f"{size:,} filled: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return measure.item("scaling", environment, repeats=repeats), environment


def _answers(environment: dict[str, str], folder: Path) -> list[Result]:
    """`explain` here and as a command, and `model diff`."""
    here = measure.item("telling", environment, account=_ACCOUNT)
    words = [measure.COMMAND, "explain", _ACCOUNT]
    turns = [measure.run(words, environment) for _ in range(_TURNS)]
    cpu, wall = min(turn.cpu for turn in turns), min(turn.wall for turn in turns)
    (folder / "new.yaml").write_text(edited(), encoding="utf-8")
    words = [measure.COMMAND, "model", "diff", "current", str(folder / "new.yaml")]
    diff = measure.run(words, environment)
    return [
        Result(
            "explain, from its words to its answer",
            1000 * max(here.values()),
            "ms",
            f"as text {1000 * here['text']:.0f} ms, as JSON {1000 * here['json']:.0f} ms, by the "
            "clock, libraries loaded",
            300.0,
        ),
        Result(
            "explain, the whole command: CPU",
            1000 * cpu,
            "ms",
            f"with Python's start, least of {_TURNS}; {wall:.1f} s by the clock, which on an idle "
            "machine is the same",
            1500.0,
        ),
        Result(
            "model diff: CPU",
            diff.cpu,
            "s",
            f"each customer scored twice, {diff.wall:.1f} s by the clock, peak {diff.peak:.0f} MiB",
        ),
    ]
