"""The table of accounts."""

from __future__ import annotations

import polars as pl
from rich.console import RenderableType

from crm_health.report.tables import table
from crm_health.report.words import band_label, counted, number

#: Columns of a row, as `--json` gives them.
COLUMNS = ("account_id", "name", "score", "band", "trend", "top_reason")


def accounts(frame: pl.DataFrame, total: int, limit: int) -> list[RenderableType]:
    """The first `limit` rows of `frame` (0: all) as a table.

    Args:
        frame: `COLUMNS`, in the order to be shown.
        total: All customers, shown or not.
        limit: The most rows.
    """
    if frame.is_empty():
        return [f"None of {counted(total, 'customer')} fits."]
    cut = frame.head(limit) if limit else frame
    rows = [
        (
            row["account_id"],
            row["name"] or "",
            number(row["score"]),
            band_label(row["band"]),
            row["trend"] or "",
            row["top_reason"] or "",
        )
        for row in cut.select(COLUMNS).iter_rows(named=True)
    ]
    bands = frame.group_by(pl.col("band").fill_null("none")).len().sort("len", descending=True)
    tally = ", ".join(f"{count} {band}" for band, count in bands.iter_rows())
    end = f"{counted(frame.height, 'account')} of {counted(total, 'customer')}: {tally}."
    if cut.height < frame.height:
        end += f" The first {cut.height} are shown; --limit 0 shows all."
    headings = ("account", "name", ">score", "band", "trend", "top reason")
    return [table(headings, rows), end]
