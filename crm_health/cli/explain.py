"""`crm-health explain`: how one score came about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
import polars as pl

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, say, show
from crm_health.errors import BrokenInvariant
from crm_health.health.receipt import verify
from crm_health.report import explain as report
from crm_health.store import Scope, Store

#: Salesforce shows ids of 15 characters as well; the three after them are a checksum.
_SHORT_ID = 15


@click.command()
@click.argument("account")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="The reading of that day, or the last before."
)
@click.option("--json", "form", is_flag=True, help="Print the whole receipt as JSON.")
@click.pass_obj
def explain(context: Context, account: str, day: datetime | None, *, form: bool) -> int:
    """Show how the score of ACCOUNT (its id in the CRM) came about, part by part.

    The parts add up to the score exactly. Reads the local database only.
    """
    with context.store(fresh=False) as store:
        known = _known(store, account)
        found = store.history.receipt(known, day.date() if day else None)
        shown = _shown(store, known)
    if found is None:
        raise click.BadParameter(
            _no_reading(known, shown, context.config.mapping.scope), param_hint="ACCOUNT"
        )
    problems = verify(found)
    if problems:
        raise BrokenInvariant(
            f"the receipt of {known} is wrong: {'; '.join(problems)}", code="CH-RECEIPT"
        )
    name = shown.pop("name", None)
    if form:
        as_json(found | {"name": name, "shown_now": shown})
        return 0
    show(report.explain(found, name, shown, str(found["day"])))
    if found["digest"] != context.config.digest:
        say("The configuration has changed since this reading: the next sync scores anew.")
    return 0


def _known(store: Store, account: str) -> str:
    """The id as we keep it: one of 15 characters is completed."""
    if len(account) != _SHORT_ID:
        return account
    ids = store.mirror.account_ids()
    found = ids.filter(ids.str.starts_with(account))
    return str(found[0]) if len(found) == 1 else account


def _shown(store: Store, account: str) -> dict[str, Any]:
    """What the CRM shows of it, as last read or written; empty for an unknown account."""
    columns = [
        name
        for name in store.mirror.entities().get("account", {})
        if name == "name" or (name.startswith("shown_") and name != "shown_memory")
    ]
    if not columns:
        return {}
    frame = store.mirror.load("account", columns, Scope.accounts(pl.Series([account])))
    if frame.is_empty():
        return {}
    return {name.removeprefix("shown_"): frame[name][0] for name in columns}


def _no_reading(account: str, shown: dict[str, Any], scope: str) -> str:
    if not shown:
        return (
            f"the CRM has no account with the id {account}, as far as the last sync saw: "
            "`crm-health accounts` lists them."
        )
    return (
        f"account {account} has no reading: it is not in scope ({scope}), or no sync has come to "
        "its end since it is."
    )
