"""Olist, a Brazilian marketplace: real small firms that pay it a subscription, as customers.

What becomes what:

- a seller of the panel is an Account, a customer since the first month that its tenure reaches to;
- a quarter is three Health_Usage__c rows, dated on the last day of its last active month: `orders`
  (a volume, so it is not called active users: nobody counted users), `sales` and `active_months`
  (1 to 3, the panel's only sign of how regular a seller was within the quarter);
- the median review of a quarter is one CSAT answer, 1 to 5 as 0 to 100, on the quarter's last day;
- each order handed over or delivered late is a closed Case of medium priority: a service failure;
- a deal of the sales funnel is a won Opportunity on an account of its own, because its seller ids
  cannot be linked to the panel's.

The panel's outcome column is not among the columns read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from connectors.sandbox.datasets import olist_funnel, olist_panel
from connectors.sandbox.datasets.dataset import Dataset, Source
from connectors.sandbox.story.rows import Rows

PANEL = "seller_quarter_2017Q1_2017Q3.csv.gz"
DEALS = "closed_deals.csv.gz"
LEADS = "marketing_qualified_leads.csv.gz"
FILES = (PANEL, DEALS, LEADS)

#: The first instant after the panel's last quarter.
AS_OF = datetime(2017, 10, 1, tzinfo=UTC)
_CONFIG = Path(__file__).parent / "olist_config"
_OF_PANEL = ("Health_Usage__c", "Health_Survey__c", "Case")


def load(folder: Path) -> Dataset:
    """Read the panel and the funnel from a folder that holds `FILES`.

    Raises:
        polars.exceptions.PolarsError: a file is not the CSV that it should be.
        OSError: a file cannot be read.
    """
    panel = pl.read_csv(folder / PANEL, columns=list(olist_panel.COLUMNS))
    deals = pl.read_csv(folder / DEALS, columns=list(olist_funnel.DEAL_COLUMNS))
    leads = pl.read_csv(folder / LEADS, columns=list(olist_funnel.LEAD_COLUMNS))
    rows = Rows(AS_OF)
    notes = [
        *olist_panel.add(panel, rows),
        *olist_funnel.add(deals, leads, rows, AS_OF),
        "The panel's churn outcome is never read.",
    ]
    records = {name: made for name, made in rows.records.items() if made}
    sources = [
        Source("panel", panel.height, panel.height, _told(records, _OF_PANEL)),
        Source("closed deals", deals.height, deals.height, "an Account and Opportunity each"),
    ]
    return Dataset(records, AS_OF, notes, sources, _CONFIG)


def _told(records: dict[str, list[dict[str, Any]]], names: tuple[str, ...]) -> str:
    return ", ".join(f"{len(records.get(name, [])):,} {name}" for name in names)
