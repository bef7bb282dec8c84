"""`crm-health model`: what a model is worth, and what a change of it would do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from crm_health.cli.book import synced
from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show, with_format
from crm_health.cli.trials import CURRENT, difference, with_model
from crm_health.health.model_check import findings, spread
from crm_health.report import model_check, model_diff, model_evidence
from crm_health.report import models as report
from crm_health.sync import models, past, trial

_form = with_format("table")


@click.group()
def model() -> None:
    """The model that scores customers: its worth, its history, and what a change would do."""


@model.command()
@click.argument("old")
@click.argument("new")
@_form
@click.pass_obj
def diff(context: Context, old: str, new: str, form: str) -> int:
    """Score every customer with OLD and with NEW, and show what differs.

    Each is the path of a model.yaml (or of the folder that holds it, and a playbook that goes with
    it), `current` for the one in use, or `default` for the packaged one. Reads the local database
    only; nothing is written.
    """
    tell(context, old, new, form == "json")
    return 0


@model.command()
@click.option(
    "--model",
    "name",
    default=CURRENT,
    show_default=True,
    metavar="FILE",
    help="The model.yaml to look at.",
)
@_form
@click.pass_obj
def check(context: Context, name: str, form: str) -> int:
    """Hold the model against the customers: which measures say nothing, which say it twice.

    Warns of measures without a regular signal, of models outside five to ten measures or that no
    customer reaches, of facts that count twice, and of curves that never reach an end. Reads the
    local database only.
    """
    with context.store(fresh=False) as store:
        tried = trial.run(store, with_model(context, name))
    accounts = tried.accounts
    found = findings(tried.setting.config.model, accounts)
    lie = spread(accounts)
    if form == "json":
        as_json(model_check.values(found, lie, accounts.height))
    else:
        show(model_check.tables(found, lie, accounts.height))
    return 0


@model.command()
@click.option(
    "--horizon",
    type=click.IntRange(min=14, max=365),
    default=90,
    show_default=True,
    help="Days after a reading in which somebody who leaves counts.",
)
@_form
@click.pass_obj
def evidence(context: Context, horizon: int, form: str) -> int:
    """Test each measure on those who left: its sign, how well it ranks, and how early.

    Who left is told by accounts' churned_at and by lost renewals; how they stood before, by the
    readings that were kept. Of fewer than 50 there is nothing to say. Reads the local database
    only.
    """
    with context.store(fresh=False) as store:
        last, _ = synced(store)
        bands = [band.name for band in context.config.model.bands]
        found = past.judge(store, last, timedelta(days=horizon), bands)
    if form == "json":
        as_json(model_evidence.values(found))
    else:
        show(model_evidence.tables(found))
    return 0


@model.command()
@_form
@click.pass_obj
def history(context: Context, form: str) -> int:
    """List the models that counted here: since when, whose change, and why."""
    with context.store(fresh=False) as store:
        kept = models.history(store)
    if form == "json":
        as_json([report.value(entry) for entry in kept])
    else:
        show(report.history(kept))
    return 0


def tell(context: Context, old: str, new: str | Path, as_values: bool) -> None:
    """Print the difference of two models."""
    with context.store(fresh=False) as store:
        told = difference(store, context, old, str(new))
    if as_values:
        as_json(model_diff.values(told, None))
    else:
        show(model_diff.tables(told))
