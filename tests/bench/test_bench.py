"""The bench itself works: every target gets a figure. How large it is, is no test's business."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.bench.__main__ import main
from tests.bench.measure import Pair, in_turns
from tests.bench.publish import BEGIN, END, published
from tests.bench.table import Result, as_dict, text


def test_a_small_run_measures_every_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A company of 60 accounts gives a figure above nought for each target that has a limit."""
    told = tmp_path / "figures.json"
    assert main(["--size", "60", "--repeats", "1", "--json", str(told)]) == 0
    found = orjson.loads(told.read_bytes())
    limited = [result for result in found["results"] if result["limit"] is not None]
    assert len(limited) == 11
    assert all(r["measured"] > 0 for r in limited if r["limit"] > 0)
    assert {result["verdict"] for result in limited} <= {"ok", "missed"}
    assert (found["size"], found["database"]) == (60, "sqlite")
    assert "| target" in capsys.readouterr().out


def test_pairs_are_taken_in_turns_and_the_least_counts() -> None:
    """Ours, theirs, ours, theirs; a disturbed turn does not count."""
    turns: list[str] = []

    def taking(name: str, seconds: list[float]):
        def measure() -> float:
            turns.append(name)
            return seconds.pop(0)

        return measure

    assert in_turns(taking("a", [9.0, 2.0]), taking("b", [4.0, 5.0]), 2) == Pair(2.0, 4.0)
    assert turns == ["a", "b", "a", "b"]
    assert Pair(2.0, 4.0).ratio == 0.5


@pytest.mark.parametrize(
    ("measured", "limit", "verdict"), [(1.5, 1.5, "ok"), (1.51, 1.5, "missed"), (9.0, None, "")]
)
def test_a_figure_at_its_limit_is_ok(measured: float, limit: float | None, verdict: str) -> None:
    """Above it the target is missed; a figure without a limit has no verdict."""
    result = Result("storing", measured, "x", "how", limit)
    assert result.verdict == verdict
    assert f"{measured:.2f} x" in text([result])


def test_figures_replace_those_between_the_marks() -> None:
    """The page around them stays, and a figure that misses its target stands out."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    missed = Result("storing", 2.0, "x", "how it was", 1.5)
    run = as_dict([missed], size=5_000, database="postgres")
    new = published(page, [run])
    assert new.startswith(f"before\n{BEGIN}\n")
    assert new.endswith(f"{END}\nafter\n")
    assert "old" not in new
    assert "| storing | 1.50 x | **2.00 x, missed** |" in new
    assert "PostgreSQL, 5,000" in new
    assert published(new, [run]) == new
