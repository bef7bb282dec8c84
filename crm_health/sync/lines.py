"""What the account's fields say of its alerts: the top risk, the top opportunity, and all names."""

from __future__ import annotations

import polars as pl

from crm_health.config.touches import is_touch
from crm_health.programmes import telling
from crm_health.sync.actions import Actions
from crm_health.sync.records import Records
from crm_health.sync.setting import Setting
from crm_health.sync.tasks import line

#: What a text field takes.
LONGEST = 255
#: Columns beside `account_id`.
LINES = ("top_risk", "top_opportunity", "open_alerts")


def alert_lines(
    setting: Setting, records: Records, accounts: pl.DataFrame, actions: Actions
) -> pl.DataFrame:
    """What is open of each account once this run has written.

    That is what holds now, whether or not it makes a task, and what a task goes on to tell.

    Returns:
        `account_id`, `top_risk` and `top_opportunity` (one line each, the most urgent), and
        `open_alerts` (the names of all, the most urgent first); null where there is none.
    """
    # Touches have fields of their own.
    alerts = {n: a for n, a in setting.config.playbook.alerts.items() if not is_touch(n)}
    going = records.known.filter(pl.col("cleared_at").is_null()).join(
        actions.clears.select("key"), on="key", how="anti"
    )
    new = [actions.shared.makes, actions.shared.joins, actions.escalates]
    pairs = pl.concat(
        frame.select("account_id", "rule")
        for frame in (actions.found.filter(pl.col("holds")), going, *new)
    )
    mine = pairs.unique().join(accounts.select("account_id"), on="account_id", how="semi")
    ranked = mine.join(telling.urgency(alerts), on="rule").sort("account_id", "urgency")
    names = ranked.group_by("account_id", maintain_order=True).agg(
        pl.col("rule").str.join(", ").str.slice(0, LONGEST).alias("open_alerts")
    )
    risk = pl.col("polarity") == "risk"
    found = accounts.select("account_id")
    for name, rows in (
        ("top_risk", ranked.filter(risk)),
        ("top_opportunity", ranked.filter(~risk)),
    ):
        first = rows.unique("account_id", keep="first", maintain_order=True)
        said = _said(setting, accounts, first).rename({"line": name})
        found = found.join(said, on="account_id", how="left", maintain_order="left")
    return found.join(names, on="account_id", how="left", maintain_order="left")


def _said(setting: Setting, accounts: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """One line an account: `account_id`, `line`."""
    alerts = setting.config.playbook.alerts
    parts = [pl.DataFrame(schema={"account_id": pl.String, "line": pl.String})]
    for rule in first["rule"].unique(maintain_order=True):
        ids = first.filter(pl.col("rule") == rule).select("account_id")
        view = ids.join(accounts, on="account_id", maintain_order="left")
        said = line(setting, alerts[rule], view).str.slice(0, LONGEST)
        parts.append(ids.with_columns(said.alias("line")))
    return pl.concat(parts)
