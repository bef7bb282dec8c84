"""`crm-health escalations`: how they go."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast, get_args

import click

from crm_health.cli.book import book, person_names
from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show, with_table_format
from crm_health.programmes.escalation_figures import By, Period, spans
from crm_health.report import escalations as reporting
from crm_health.sync.due import DAY, INSTANT
from crm_health.sync.escalation_book import tell
from crm_health.sync.run import ZONE


@click.group()
def escalations() -> None:
    """The escalations: how they go."""


@escalations.command()
@click.option(
    "--by", type=click.Choice(get_args(By)), default="reason", show_default=True,
    help="What to count by.",
)  # fmt: skip
@click.option(
    "--period", type=click.Choice(get_args(Period)), default="quarter", show_default=True,
    help="To date, against as many days of the one before.",
)  # fmt: skip
@with_table_format
@click.pass_obj
def report(context: Context, by: str, period: str, form: str) -> int:
    """Tell how many were opened, of which customers, how long they took and how many were late.

    And whether more or fewer customers are escalated than in the period before, with an interval.
    Reads the local database only.
    """
    what = cast("By", by)
    with context.store(fresh=False) as store:
        zone = context.config.model.time_zone or store.runs.get_value(ZONE) or "UTC"
        customers = book(store, zone)
        # `book` has said so where no sync came to its end.
        day, instant = (cast("str", store.runs.get_value(name)) for name in (DAY, INSTANT))
        now, then = spans(date.fromisoformat(day), cast("Period", period))
        as_of = datetime.fromisoformat(instant)
        found = tell(store, context.config, customers, what, now, then, zone, as_of)
        names = person_names(store) if what == "csm" else {}
    if form == "json":
        as_json(reporting.values(found, what, now, then))
    elif form == "csv":
        click.echo(reporting.csv(found, what), nl=False)
    else:
        show(reporting.tables(found, what, now, then, names))
    return 0
