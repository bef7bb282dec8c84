"""What the programmes cost on an ordinary day, beside assessing the same customers in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench import measure
from tests.bench.scene import surroundings
from tests.bench.table import Result

#: The smaller book that the large one is held against.
_PART = 5


def programmes(size: int, folder: Path, repeats: int) -> list[Result]:
    """A book of that size beside one of a fifth, both after two years of use."""
    small, large = (
        _day(accounts, folder / f"day-{accounts}", repeats) for accounts in (size // _PART, size)
    )
    ours, theirs = large["cpu"]["programmes"], large["cpu"]["assessing"]
    each = [1e6 * sum(f["cpu"]["programmes"].values()) / f["accounts"] for f in (large, small)]
    return [
        Result(
            "the programmes over assessing, each with what it reads",
            sum(ours.values()) / sum(theirs.values()),
            "x",
            f"{large['accounts']:,} customers, least of {repeats}; programmes {_told(ours)}; "
            f"assessing {_told(theirs)}",
            1.0,
            {"large": large, "small": small},
        ),
        Result(
            "the same, from loaded rows",
            ours["work"] / theirs["work"],
            "x",
            _steps(large["steps"]),
            1.0,
        ),
        Result(
            "the programmes: CPU an account over that at a fifth of the size",
            each[0] / each[1],
            "x",
            f"{each[0]:.0f} us over {each[1]:.0f} us; plan rows {_kinds(large['kinds'])}; "
            f"{large['waiting']:,} tasks wait",
            1.1,
        ),
        Result(
            "a day's plan: peak memory over that at a fifth of the size",
            large["peak"] / small["peak"],
            "x",
            f"{large['peak']:.0f} MiB over {small['peak']:.0f} MiB, maxrss of the process",
            1.3,
        ),
    ]


def _day(accounts: int, folder: Path, repeats: int) -> Any:
    folder.mkdir()
    environment = surroundings(folder / "state.db")
    measure.item("filling", environment, accounts=accounts, used=True)
    measure.item("daily", environment, first=True)
    return measure.item("daily", environment, first=False, repeats=repeats)


def _told(cpu: dict[str, float]) -> str:
    return f"{cpu['work']:.1f} s, reading {cpu['load']:.1f} s, over the book {cpu['book']:.1f} s"


def _steps(steps: dict[str, float]) -> str:
    """The programmes' own, the dearest first."""
    found: dict[str, float] = {}
    for path, seconds in steps.items():
        outermost, step = path.split("/")
        ours = outermost in ("desire", "ration") or step == "placing"
        if ours and outermost != "book" and step not in ("load", "kin", "health fields"):
            found[step] = found.get(step, 0.0) + seconds
    ordered = sorted(found, key=lambda step: -found[step])
    return ", ".join(f"{step} {found[step]:.2f} s" for step in ordered if found[step] >= 0.01)


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{kind} {number:,}" for kind, number in kinds.items())
