"""`crm-health flaps`: accounts whose band does not stay, and why."""

from __future__ import annotations

import itertools
from datetime import timedelta

import click

from crm_health.cli.book import synced
from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show
from crm_health.cli.plans import account_names
from crm_health.health import flaps as health
from crm_health.report import flaps as report
from crm_health.store import Scope

#: A reading before the first day tells what band an account came from; weekly ones suffice.
_BEFORE = timedelta(days=8)


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back."
)
@click.option("--json", "form", is_flag=True, help="Print JSON on stdout.")
@click.pass_obj
def flaps(context: Context, days: int, *, form: bool) -> int:
    """List the accounts whose band changed more than once, and what moved it each time.

    Reads the local database only.
    """
    with context.store(fresh=False) as store:
        end, _ = synced(store)
        first = end - timedelta(days=days - 1)
        series = store.history.series(first - _BEFORE, Scope.all())
        found = health.unsteady(series, first)
        ids = found["account_id"]
        receipts = store.history.receipts(ids, first - _BEFORE, end)
        by_account = {
            account: health.turns(mine, first)
            for account, mine in itertools.groupby(receipts, key=lambda receipt: receipt["account"])
        }
        names = account_names(store, ids)
    everybody = series["account_id"].n_unique()
    rows = [(account, names.get(account), by_account.get(account, [])) for account in ids]
    if form:
        as_json(report.values(rows, first, end, everybody))
    else:
        show(report.flaps(rows, first, end, everybody))
    return 0
