"""The demo on a data set: what it holds, what is odd in it, what came out, and a quiet second sync.

The data may be real or simulated, and full of contradictions: what the loader met is told first,
what the product could not use afterwards.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from connectors.sandbox.crms import CRMS
from connectors.sandbox.datasets import Dataset
from connectors.sandbox.demo_first import first_sync
from connectors.sandbox.demo_text import Screen, bands, written
from connectors.sandbox.demo_worker import Worker
from connectors.sandbox.handle import Sandbox

#: Reasons shown, most frequent first.
_REASONS = 8
_DATE = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def tell_data(screen: Screen, box: Sandbox, folder: Path, found: Dataset) -> Worker:
    """Load the data set, run the job twice, and say what came out."""
    crm = CRMS["salesforce"]
    worker = Worker(crm.variables(box.url), folder / "state" / "demo.db", found.config)
    if found.schema:
        box.load({}, schema=found.schema)
    # Before setup: values of fields that are not there yet wait for them.
    box.load(found.records)
    screen.say(
        f"A data set in a Salesforce sandbox on this machine. Its clock stands at "
        f"{found.as_of:%d %b %Y, %H:%M} UTC."
    )
    _import_report(screen, found)
    accounts = first_sync(screen, worker, crm)
    _totals(screen, accounts)
    screen.say(written(worker.sync(screen)))
    _quarantine(screen, worker)
    return worker


def _import_report(screen: Screen, found: Dataset) -> None:
    sources = [(s.name, f"{s.read:,}", f"{s.used:,}", s.became) for s in found.sources]
    screen.table(("table", ">rows read", ">loaded", "became"), sources)
    odd = [finding for finding in found.findings if finding.rows]
    if odd:
        screen.say()
        screen.table(
            (">rows", ">of", ">share", "what is odd", "what was done"),
            [(f"{f.rows:,}", f"{f.of:,}", _share(f.rows / f.of), f.what, f.done) for f in odd],
        )
    for note in found.notes:
        screen.say(f"- {note}")


def _share(part: float) -> str:
    return "<0.1 %" if part < 0.001 else f"{100 * part:.1f} %"


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


def _quarantine(screen: Screen, worker: Worker) -> None:
    """What the product could not use, by its own count."""
    screen.command("crm-health status")
    bad = worker.json("status")["quarantine"]
    if not bad:
        screen.say("Quarantined: nothing. Each value in the CRM could be used.")
        return
    screen.table(
        ("quarantined", "problem", ">cells"),
        [(one["object"], one["problem"], f"{one['rows']:,}") for one in bad],
    )


def _kind(reason: str) -> str:
    """A reason without its figures and dates, so that equal ones are counted together."""
    return _FIGURE.sub("N", _DATE.sub("(date)", reason))
