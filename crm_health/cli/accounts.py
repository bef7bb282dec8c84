"""`crm-health accounts`: the customers and how they are."""

from __future__ import annotations

import click
import polars as pl

from crm_health.cli.book import book
from crm_health.cli.context import Context
from crm_health.cli.output import as_json, show
from crm_health.config import expressions
from crm_health.entities import Kind
from crm_health.health.lines import kinds_of
from crm_health.report import accounts as report
from crm_health.sync.run import ZONE

LIMIT = 50


@click.command()
@click.option(
    "--where", metavar="EXPR", help="Only accounts for which this holds, e.g. \"band = 'red'\"."
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"Most rows; 0 for all. [default: {LIMIT}, with --json all]",
)
@click.option("--json", "form", is_flag=True, help="Print JSON on stdout.")
@click.pass_obj
def accounts(context: Context, where: str | None, limit: int | None, *, form: bool) -> int:
    """List the customers by score, worst first. Reads the local database only.

    EXPR may use the last reading (score, computed, band, day), trend, top_reason, every mapped
    column of the account (contract_value, renewal_days, industry, ...) and the fields as the CRM
    shows them (shown_score, ...).
    """
    with context.store(fresh=False) as store:
        chosen = context.config.model.time_zone
        frame = book(store, chosen or store.runs.get_value(ZONE) or "UTC")
    found = _filtered(frame, where) if where else frame
    if form:
        rows = found.head(limit) if limit else found
        as_json(rows.select(report.COLUMNS).to_dicts())
    else:
        show(report.accounts(found, frame.height, LIMIT if limit is None else limit))
    return 0


def _filtered(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    try:
        compiled = expressions.compile(where, kinds_of(frame))
    except expressions.ExpressionError as error:
        raise click.BadParameter(error.message, param_hint="--where") from None
    if compiled.kind not in (Kind.BOOLEAN, None):
        raise click.BadParameter(
            f"gives a {compiled.kind}, but must be true or false", param_hint="--where"
        )
    return frame.filter(compiled.expr.cast(pl.Boolean).fill_null(False))
