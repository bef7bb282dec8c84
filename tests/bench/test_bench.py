"""The bench itself works: every target gets a figure. How large it is, is no test's business."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from tests.bench.__main__ import main
from tests.bench.items import BURST, share
from tests.bench.measure import Pair, in_turns
from tests.bench.publish import BEGIN, END, published
from tests.bench.table import Result, as_dict, text


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_small_portal_is_measured_too(tmp_path: Path) -> None:
    """Reads, writes and searches of 60 companies are counted; an idle sync writes nothing."""
    told = tmp_path / "figures.json"
    words = ["--crm", "hubspot", "--size", "60", "--repeats", "1", "--only", "pages,sync"]
    assert main([*words, "--json", str(told)]) == 0
    found = orjson.loads(told.read_bytes())
    limited = {r["target"]: r["measured"] for r in found["results"] if r["limit"] is not None}
    assert len(limited) == 7
    assert limited["nothing new: searches of one object, at most"] == 1
    assert limited["nothing new, the clock standing still: records written"] == 0
    assert all(value >= 1 for name, value in limited.items() if "API calls over" in name)
    assert found["crm"] == "hubspot"


@pytest.mark.slow
def test_a_small_book_is_measured_without_a_crm(tmp_path: Path) -> None:
    """Ratios, memory, what a person waits for, and a day; every customer has a score."""
    told = tmp_path / "figures.json"
    assert main(["--crm", "none", "--size", "200", "--repeats", "1", "--json", str(told)]) == 0
    results = orjson.loads(told.read_bytes())["results"]
    limits = [3.0, 3.0, 1.1, 1.3, 300.0, 1500.0, None, 1.0, 1.0, 1.1, 1.3]
    assert [r["limit"] for r in results] == limits
    assert all(r["measured"] > 0 for r in results)
    large = results[2]["details"]["large"]
    assert (large["accounts"], large["scored"]) == (200, 200)
    day = results[7]["details"]["large"]
    assert day["accounts"] == 200
    # A day on which something happens: else the programmes' figure would be that of nothing.
    assert all(day["kinds"].get(kind, 0) > 0 for kind in ("time_escalation", "clear_episode"))
    assert day["waiting"] > 0
    assert sum(day["cpu"]["programmes"].values()) > 0


def test_the_share_of_an_allowance_counts_whole_windows() -> None:
    """Half of the calls in each of two windows; the calls of the third, unfinished, don't count."""
    begun = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    each = BURST // 2
    calls = [begun + timedelta(seconds=10 * n) for n in range(3) for _ in range(each)]
    assert share(calls) == (0.5, 2)


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
    begin, other = (BEGIN.format(crm=crm) for crm in ("salesforce", "hubspot"))
    page = f"before\n{begin}\nold\n{END}\n{other}\ntheirs\n{END}\nafter\n"
    missed = Result("storing", 2.0, "x", "how it was", 1.5)
    run = as_dict([missed], crm="salesforce", size=5_000, database="postgres")
    new = published(page, [run])
    assert new.startswith(f"before\n{begin}\n")
    assert new.endswith(f"{END}\n{other}\ntheirs\n{END}\nafter\n")
    assert "old" not in new
    assert "| storing | 1.50 x | **2.00 x, missed** |" in new
    assert "PostgreSQL, 5,000" in new
    assert published(new, [run]) == new
