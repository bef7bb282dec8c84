"""`crm-health alerts`: what the alerts are worth."""

from __future__ import annotations

from datetime import date, timedelta

import click

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show
from crm_health.errors import StateError
from crm_health.report import alerts as report
from crm_health.sync import alerted
from crm_health.sync.due import DAY
from crm_health.sync.run import ZONE


@click.group()
def alerts() -> None:
    """The alerts: what they are worth."""


@alerts.command()
@click.option(
    "--days", type=click.IntRange(14, 3650), default=365, show_default=True, help="How far back."
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
@click.pass_obj
def quality(context: Context, days: int, form: str) -> int:
    """Tell for each rule how many of its alerts were useful, and how long before a fall they came.

    Names the rules that are noise, with a threshold that would have spared most of it, and how
    long it took from an outage, a missed deadline, a poor answer or a sponsor's silence to the
    first contact. Reads the local database only.
    """
    with context.store(fresh=False) as store:
        told = store.runs.get_value(DAY)
        if told is None:
            raise StateError(
                "No sync has come to its end here yet: run `crm-health sync` first.",
                code="CH-STATE",
            )
        last = date.fromisoformat(told)
        zone = store.runs.get_value(ZONE) or "UTC"
        found = alerted.judge(store, context.config, last - timedelta(days=days - 1), last, zone)
    if form == "json":
        as_json(report.values(found))
    else:
        show(report.tables(found))
    return 0
