"""Phases (b) to (d) for all that is due, part by part, so that memory stays flat.

What is wide (plan rows, receipts) goes to the database with each part; only what is narrow and
rare is kept until the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from crm_health.health.book import Figures
from crm_health.store import Run, Scope, Store
from crm_health.sync.assess import Former, assess
from crm_health.sync.at_work import AtWork
from crm_health.sync.desire import Desired, desire
from crm_health.sync.fields import EDITS
from crm_health.sync.guards import Tally
from crm_health.sync.ration import TASKS
from crm_health.sync.setting import Setting
from crm_health.sync.shifts import Sample


@dataclass
class Gathered:
    """What is kept of all parts of a run."""

    #: What people have on their hands.
    at_work: AtWork
    assessed: int = 0
    #: As `Desired` has them.
    tasks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TASKS))
    edits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EDITS))
    ownerless: pl.Series = field(default_factory=lambda: pl.Series("account_id", [], pl.String))
    stood: int = 0

    def add(self, accounts: int, part: Desired) -> None:
        """Keep what is narrow of a part."""
        self.assessed += accounts
        self.tasks = pl.concat([self.tasks, part.tasks])
        self.edits = pl.concat([self.edits, part.edits])
        self.ownerless = pl.concat([self.ownerless, part.ownerless])
        self.stood += part.stood


def assess_all(
    store: Store,
    setting: Setting,
    run: Run,
    scopes: Sequence[Scope],
    book: Figures,
    former: Former | None,
    tally: Tally,
    tick: Callable[[str, int], None],
    sample: Sample,
) -> Gathered:
    """Assess the parts, put their readings aside and draft their plan rows.

    Args:
        store: The open database.
        setting: Of the run.
        run: Whose draft it is.
        scopes: What is due, in parts.
        book: Figures over the whole book.
        former: The model that counted before, where that was another one.
        tally: What the guards look at, counted further.
        tick: Told `assess` and the number of accounts after each part.
        sample: Takes some accounts of each part.
    """
    gathered = Gathered(AtWork(store, setting))
    # What a run that died left behind.
    store.history.drop_staged()
    store.drafts.drop()
    for scope in scopes:
        found = assess(store, setting, scope, book, former)
        if found is None:
            continue
        sample.add(found.accounts)
        part = desire(store, setting, scope, found, tally, gathered.at_work)
        store.drafts.add(run, part.plan)
        store.history.stage(found.readings)
        gathered.add(found.accounts.height, part)
        tick("assess", found.accounts.height)
    return gathered
