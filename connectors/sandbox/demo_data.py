"""The demo on a real data set: what it holds, what came out, and that a second sync is quiet."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

from connectors.sandbox import datasets
from connectors.sandbox.datasets import Dataset
from connectors.sandbox.demo_text import Screen, account_line, bands, selection, written
from connectors.sandbox.demo_worker import Worker
from connectors.sandbox.handle import Sandbox

#: Reasons shown, most frequent first.
_REASONS = 8
_DATE = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}")
_FIGURE = re.compile(r"\d[\d.,]*")


def tell_data(screen: Screen, box: Sandbox, folder: Path, data: Path, found: Dataset) -> Worker:
    """Load the data set, run the job twice, and say what came out."""
    worker = Worker(box.url, folder / "state" / "demo.db", _config(data))
    # Before setup: values of fields that are not there yet wait for them.
    box.load(found.records)
    screen.say(
        f"A real data set in a Salesforce sandbox on this machine. Its clock stands at "
        f"{found.as_of:%d %b %Y, %H:%M} UTC."
    )
    screen.table(("what", ">rows"), [(name, f"{n:,}") for name, n in found.counts.items()])
    for note in found.notes:
        screen.say(f"- {note}")
    screen.command("crm-health setup")
    made = worker.json("setup")
    screen.say(f"{len(made['missing'])} things made: fields, objects and rights of our own.")
    result = worker.sync(screen)
    screen.say(
        f"{sum(result['read'].values()):,} records read. {result['customers']:,} of "
        f"{result['accounts']:,} accounts are customers."
    )
    screen.say(written(result))
    screen.command("crm-health accounts")
    accounts = worker.json("accounts")
    chosen = selection(accounts)
    headings = ("account", "name", ">score", "band", "trend", "top reason")
    screen.table(headings, [account_line(row) for row in chosen])
    _totals(screen, accounts)
    screen.say(written(worker.sync(screen)))
    return worker


def _totals(screen: Screen, accounts: list[dict[str, Any]]) -> None:
    scored = [row for row in accounts if row["score"] is not None]
    screen.say(
        f"{len(scored):,} scored, {len(accounts) - len(scored):,} unknown for lack of evidence. "
        f"Bands: {bands(accounts)}."
    )
    worst = [row for row in scored if row["band"] in ("red", "yellow")]
    reasons = Counter(_kind(row["top_reason"] or "") for row in worst)
    screen.table(
        ("top reason of the red and yellow ones", ">accounts"),
        [(reason, str(count)) for reason, count in reasons.most_common(_REASONS)],
    )


def _kind(reason: str) -> str:
    """A reason without its figures and dates, so that equal ones are counted together."""
    return _FIGURE.sub("N", _DATE.sub("(date)", reason))


def _config(data: Path) -> Path | None:
    """The config folder that fits the data set, beside its loader."""
    loader = datasets.find(data)
    if loader is None:
        return None
    package, _, name = loader.__module__.rpartition(".")
    folder = Path(str(resources.files(package))) / f"{name}_config"
    return folder if folder.is_dir() else None
