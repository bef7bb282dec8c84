"""`crm-health capacity`: who looks after how many, and how many people the plan needs."""

from __future__ import annotations

import click

from crm_health.cli.book import person_names
from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show, with_table_format
from crm_health.errors import ConfigError
from crm_health.programmes.capacity import loads, needed
from crm_health.report import capacity as report
from crm_health.sync import offline, touch_book


@click.command()
@with_table_format
@click.pass_obj
def capacity(context: Context, form: str) -> int:
    """Tell how many customers each person has, and how many people the tiers' plan needs.

    By the `accounts_per_csm` of the tiers in the playbook. CSV has the people. Reads the local
    database only.
    """
    tiers = context.config.playbook.tiers
    if tiers is None:
        raise ConfigError("The playbook has no tiers: add a section `tiers`.", code="CH-TIERS")
    with context.store(fresh=False) as store:
        setting = offline.setting(store, context.config)
        customers = touch_book.customers(store, setting)
        names = person_names(store)
    people, asked = loads(customers, tiers.steps), needed(customers, tiers.steps)
    if form == "json":
        as_json(report.values(setting.day, asked, people))
    elif form == "csv":
        click.echo(report.csv(people), nl=False)
    else:
        show(report.tables(setting.day, asked, people, names))
    return 0
