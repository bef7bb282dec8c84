"""`crm-health touches`: how the touch plan is kept."""

from __future__ import annotations

import click

from crm_health.cli.book import person_names
from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show, with_table_format
from crm_health.errors import ConfigError
from crm_health.report import touches as report
from crm_health.sync import offline, touch_book


@click.command()
@click.option(
    "--by", type=click.Choice(["tier", "csm"]), default="tier", show_default=True,
    help="What to count by.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1, 730), default=90, show_default=True,
    help="The window of what was done.",
)  # fmt: skip
@with_table_format
@click.pass_obj
def touches(context: Context, by: str, days: int, form: str) -> int:
    """Tell for each touch of whom it is asked, for whom it is overdue, and what was done.

    And whether conversations were planned, answers to trouble, or about buying more. Reads the
    local database only.
    """
    plan = context.config.playbook.touches
    if plan is None:
        raise ConfigError(
            "The playbook has no touch plan: add a section `touches`.", code="CH-TOUCHES"
        )
    with context.store(fresh=False) as store:
        setting = offline.setting(store, context.config)
        found = touch_book.plan_kept(store, setting, plan, days)
        names = person_names(store) if by == "csm" else {}
    if form == "json":
        as_json(report.values(found, by, setting.day, days))
    elif form == "csv":
        click.echo(report.csv(found, by), nl=False)
    else:
        labels = {name: touch.label for name, touch in plan.plan.items()}
        show(report.tables(found, by, labels, names, setting.day, days))
    return 0
