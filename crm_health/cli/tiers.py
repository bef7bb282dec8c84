"""`crm-health tiers`: the pyramid of customers, and what a review would change."""

from __future__ import annotations

import click
import polars as pl

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show
from crm_health.cli.plans import account_names
from crm_health.errors import ConfigError
from crm_health.programmes import reviewing
from crm_health.programmes.placing import CUTS
from crm_health.report import tiers as report
from crm_health.sync import offline, population, reviews


@click.command()
@click.option("--simulate", is_flag=True, help="Show what a review held today would change.")
@click.option("--json", "form", is_flag=True, help="Print JSON on stdout.")
@click.pass_obj
def tiers(context: Context, *, simulate: bool, form: bool) -> int:
    """Show how many customers are in each tier, and what they are worth.

    With --simulate also who would move up or down if the review were today, who would not and
    why. Reads the local database only; nothing is written.
    """
    config = context.config.playbook.tiers
    if config is None:
        raise ConfigError("The playbook has no tiers: add a section `tiers`.", code="CH-TIERS")
    with context.store(fresh=False) as store:
        setting = offline.setting(store, context.config)
        book, whole = population.anew(store, setting)
        moves = None
        names: dict[str, str] = {}
        if whole is not None:
            whole = population.placed(setting, whole, book)
            if simulate:
                moves = reviews.review(setting, whole, book.get(CUTS) or {})
                names = account_names(store, moves["account_id"])
    standing = report.standing(config, whole)
    most = reviewing.most(config, 0 if whole is None else whole.height)
    if form:
        told = None if moves is None else report.values(moves, names)
        as_json({"as_of": setting.day, "tiers": standing, "most_moves": most, "moves": told})
        return 0
    show(report.tiers(setting.day, standing))
    if moves is not None:
        show(report.moves(config, moves.with_columns(pl.col("gap").round(1)), names, most))
    return 0
