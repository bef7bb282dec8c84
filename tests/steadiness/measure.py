"""Days of a company through whole syncs, and what they did to bands, writes and tasks."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import polars as pl

from crm_health.config.load import Config
from crm_health.connector import Notes
from crm_health.store import Scope, Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.ports import make_ports
from tests.steadiness.company import START, Company

_PAGE = 5_000
_DATED = {"top_risk", "top_opportunity", "next_touch_due"}


@dataclass(frozen=True)
class Found:
    """What so many days brought, the first sync apart."""

    days: int
    customers: int
    #: The noise's share.
    share: float
    #: Bands that changed in the CRM, and accounts on which one did.
    moves: int
    moved: int
    #: Changes of the band that the score alone would have given, and their accounts.
    bare_moves: int
    bare_moved: int
    #: Accounts that were written, by day, and for what: band, trend, score or words.
    written: tuple[int, ...]
    causes: dict[str, int]
    tasks: int
    escalations: int
    #: The mean distance of a score from that of the day before, in points.
    step: float

    @property
    def a_day(self) -> float:
        """Accounts written a day, in percent of the customers."""
        return 100 * sum(self.written) / self.days / self.customers

    @property
    def usual(self) -> float:
        """The same of the middle day."""
        return 100 * median(self.written) / self.customers


def measure(customers: int, days: int, share: float, seed: int = 1) -> Found:
    """Sync once, then once a day for so many days."""
    company = Company(customers, share, seed)
    crm, config = company.crm, _timeless(company.config)

    def connector(notes: Notes) -> InMemoryConnector:
        return InMemoryConnector(crm, make_ports(crm.clock, notes=notes), page=_PAGE, batch=_PAGE)

    bands: list[dict[str, str]] = []
    written: list[int] = []
    kinds: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="steadiness-") as folder:
        store = Store.open(Path(folder) / "state.db")
        try:
            for day in range(days + 1):
                if day:
                    company.next_day()
                report, code = session.perform(connector, store, config, Options(), crm.clock.now)
                if code or report.customers != customers:
                    raise RuntimeError(f"day {day}: {code}, {report.customers} customers")
                bands.append(_bands(crm.rows("Account")))
                if day:
                    rows = store.plans.rows(report.run.id)
                    kinds += Counter(rows["kind"].to_list())
                    fields = rows.filter(pl.col("kind") == "fields")
                    written.append(fields.height)
                    causes += Counter(map(_cause, fields["why"]))
            series = store.history.series(START.date(), Scope.all())
        finally:
            store.close()
    moves = Counter(
        account for then, now in pairwise(bands) for account in now if now[account] != then[account]
    )
    bare, step = _by_score(series, company)
    return Found(
        days=days,
        customers=customers,
        share=share,
        moves=moves.total(),
        moved=len(moves),
        bare_moves=int(bare.sum()),
        bare_moved=int((bare > 0).sum()),
        written=tuple(written),
        causes=dict(causes),
        tasks=kinds["task"],
        escalations=kinds["escalation"],
        step=step,
    )


def _timeless(config: Config) -> Config:
    """Without the outputs that say dates: those move here each day, as all dates do."""
    write = config.mapping.write
    kept = {name: field for name, field in write.account.items() if name not in _DATED}
    mapping = config.mapping.model_copy(
        update={"write": write.model_copy(update={"account": kept})}
    )
    return replace(config, mapping=mapping)


def _cause(why: str) -> str:
    """What weighs most of what a plan row says that it changes."""
    return next((cause for cause in ("band", "trend", "score") if f"{cause} " in why), "words")


def _bands(accounts: list[dict[str, object]]) -> dict[str, str]:
    return {str(row["id"]): str(row.get("Health_Band__c")) for row in accounts}


def _by_score(series: pl.DataFrame, company: Company) -> tuple[pl.Series, float]:
    """How often each account's score crossed a threshold, and how far a score moves in a day."""
    edges = [band.below for band in company.config.model.bands if band.below is not None]
    score = pl.col("score")
    band = pl.sum_horizontal(pl.lit(0), *((score >= edge).cast(pl.Int64) for edge in edges))
    frame = series.sort("account_id", "day").with_columns(
        pl.when(score.is_not_null()).then(band).otherwise(-1).alias("band")
    )
    crossed = (pl.col("band") != pl.col("band").shift()).fill_null(False).sum()
    found = frame.group_by("account_id").agg(crossed.alias("crossed"))
    steps = frame.select((score - score.shift()).abs().over("account_id").mean()).item()
    return found["crossed"], float(steps or 0)
