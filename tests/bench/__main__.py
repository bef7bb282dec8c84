"""`python -m tests.bench --size N --crm hubspot --database postgres`: figures next to targets."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from tests.bench import growth, items, portal, programmes, whole
from tests.bench.scene import CRMS, Scene, company, database
from tests.bench.table import Result, as_dict, text

#: A state that was filled without a CRM: what is measured there reads none.
NONE = "none"
Work = Iterator[tuple[str, Callable[[], list[Result]]]]


def main(words: list[str] | None = None) -> int:
    """Measure, print, and say so by the exit code only with --strict."""
    given = _arguments(words)
    results: list[Result] = []
    try:
        _measure(given, results)
    finally:
        # What was measured before something broke is worth seeing.
        about = {"crm": given.crm, "size": given.size, "database": given.database}
        print(f"{given.crm}, {given.size:,} accounts, {given.database}\n\n{text(results)}")
        if given.json:
            told = orjson.dumps(as_dict(results, **about), option=orjson.OPT_INDENT_2)
            given.json.write_bytes(told)
    return int(given.strict and any(result.verdict == "missed" for result in results))


def _measure(given: argparse.Namespace, results: list[Result]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        database(given.database),
        contextlib.ExitStack() as first,
    ):
        folder = Path(name)
        if given.crm == NONE:
            for item, of_book in (("growth", growth.growth), ("programmes", programmes.programmes)):
                work = functools.partial(of_book, given.size, folder, given.repeats)
                _take(item, work, given, results)
            return
        scene = first.enter_context(company(given.size, folder, given.crm))
        for item, work in (_of_org if given.crm == "salesforce" else _of_portal)(scene, given):
            _take(item, work, given, results)
        # One large company at a time: the sandbox holds it in memory.
        first.close()
        _take("memory", lambda: [_memory(given, folder)], given, results)


def _take(
    item: str, work: Callable[[], list[Result]], given: argparse.Namespace, results: list[Result]
) -> None:
    if given.only is None or item in given.only:
        begun = time.perf_counter()
        results += work()
        print(f"{item}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)


def _of_org(scene: Scene, given: argparse.Namespace) -> Work:
    yield "wire", lambda: items.wire(scene, given.repeats)
    # The state of the first sync stays for those that read it.
    yield "sync", lambda: whole.syncs(scene)
    yield "storing", lambda: items.storing(scene, given.repeats)
    yield "loading", lambda: items.loading(scene, given.repeats)
    yield "assessing", lambda: items.assessing(scene, given.repeats)


def _of_portal(scene: Scene, given: argparse.Namespace) -> Work:
    yield "pages", lambda: items.pages(scene, given.repeats)
    yield "sync", lambda: portal.syncs(scene)
    yield "pace", lambda: items.pace(scene)


def _memory(given: argparse.Namespace, folder: Path) -> Result:
    with (
        company(given.size, folder, given.crm) as large,
        company(given.size // 10, folder, given.crm) as small,
    ):
        return whole.memory(large, small)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=int, default=5_000, help="accounts (default 5,000)")
    parser.add_argument("--crm", choices=(*CRMS, NONE), default="salesforce")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--repeats", type=int, default=3, help="turns of each pair; the least counts"
    )
    parser.add_argument("--only", type=lambda text: text.split(","), help="some items: sync,memory")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
