"""`python -m tests.bench --size N --database sqlite|postgres`: the figures next to the targets."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from tests.bench import items, whole
from tests.bench.scene import Scene, company, database
from tests.bench.table import Result, as_dict, text

ITEMS = ("sync", "memory", "wire", "storing", "loading", "assessing")


def main(words: list[str] | None = None) -> int:
    """Measure, print, and say so by the exit code only with --strict."""
    given = _arguments(words)
    results: list[Result] = []
    try:
        _measure(given, results)
    finally:
        # What was measured before something broke is worth seeing.
        print(f"{given.size:,} accounts, {given.database}\n\n{text(results)}")
        if given.json:
            about = {"size": given.size, "database": given.database}
            told = orjson.dumps(as_dict(results, **about), option=orjson.OPT_INDENT_2)
            given.json.write_bytes(told)
    return int(given.strict and any(result.verdict == "missed" for result in results))


def _measure(given: argparse.Namespace, results: list[Result]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        database(given.database),
        company(given.size, Path(folder)) as scene,
    ):
        for name, work in _work(scene, given, Path(folder)):
            if name in given.only:
                begun = time.perf_counter()
                results += work()
                print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)


def _work(
    scene: Scene, given: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, Callable[[], list[Result]]]]:
    yield "wire", lambda: items.wire(scene, given.repeats)
    # The state of the first sync stays for those that read it.
    yield "sync", lambda: whole.syncs(scene)
    yield "storing", lambda: items.storing(scene, given.repeats)
    yield "loading", lambda: items.loading(scene, given.repeats)
    yield "assessing", lambda: items.assessing(scene, given.repeats)

    def memory() -> list[Result]:
        with company(given.size, folder) as large, company(given.size // 10, folder) as small:
            return [whole.memory(large, small)]

    yield "memory", memory


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=int, default=5_000, help="accounts (default 5,000)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--repeats", type=int, default=3, help="turns of each pair; the least counts"
    )
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(ITEMS))
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
