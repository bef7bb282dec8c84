"""`crm-health explain`: how one score came about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import click
import polars as pl

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, say, show
from crm_health.entities import shown as as_shown
from crm_health.errors import BrokenInvariant
from crm_health.health import moves
from crm_health.health.receipt import verify
from crm_health.programmes import programme_memory
from crm_health.report import explain as report
from crm_health.report import standing
from crm_health.store import Scope, Store
from crm_health.sync import models

#: Salesforce shows ids of 15 characters as well; the three after them are a checksum.
_SHORT_ID = 15
#: Ours alone: nothing that people want to see.
_MEMORIES = frozenset({as_shown("memory"), as_shown("programmes")})
#: The change that is told apart goes back so many days, and so many more where none is kept.
_BACK, _SLACK = timedelta(days=30), timedelta(days=7)


@click.command()
@click.argument("account")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The reading of that day, as it was kept; where none is, the nearest.",
)
@click.option("--json", "form", is_flag=True, help="Print the whole receipt as JSON.")
@click.pass_obj
def explain(context: Context, account: str, as_of: datetime | None, *, form: bool) -> int:
    """Show how the score of ACCOUNT (its id in the CRM) came about, part by part.

    The parts add up to the score exactly, and so do those of its change over 30 days. Reads the
    local database only.
    """
    asked = as_of.date() if as_of else None
    with context.store(fresh=False) as store:
        known = _known(store, account)
        found = store.history.receipt(known, asked)
        shown = _shown(store, known)
        if found is None:
            raise click.BadParameter(
                _no_reading(known, shown, context.config.mapping.scope), param_hint="ACCOUNT"
            )
        told = _told(store, context, found)
        # The check of the configuration takes far longer than all else here, and changes nothing.
        playbook = context.unchecked.playbook if context.unchecked and not asked else None
        stands = standing.lines(playbook, shown, _kept(store, known)) if playbook else []
    name = shown.pop("name", None)
    # What the CRM shows now says nothing of another day.
    told |= {"name": name, "shown_now": shown if asked is None else None, "stands": stands}
    if form:
        as_json(told)
        return 0
    show(report.explain(told, shown if asked is None else None, stands))
    if asked is not None and found["day"] != asked:
        say(f"No reading of {asked} is kept: this is the nearest, of {found['day']}.")
    if asked is None and found["digest"] != context.digest:
        say("The configuration has changed since this reading: the next sync scores anew.")
    return 0


def _told(store: Store, context: Context, found: dict[str, Any]) -> dict[str, Any]:
    """The receipt with what follows from it: weights shared out, places on curves, its change.

    Raises:
        BrokenInvariant: its parts do not add up.
    """
    problems = verify(found)
    if problems:
        raise BrokenInvariant(
            f"the receipt of {found['account']} is wrong: {'; '.join(problems)}", code="CH-RECEIPT"
        )
    day = found["day"]
    kept = models.of_config(store, found["digest"], day)
    model = models.kept(store, kept.digest) if kept else None
    if model is None and found["digest"] == context.digest:
        model = context.config.model
    weights = moves.shared_weights(found)
    drivers = []
    for driver in found["drivers"] or ():
        measure = model.measures.get(driver["measure"]) if model else None
        between = moves.place(driver["value"], measure.curve) if measure else None
        drivers.append(
            driver | {"weight_shared": round(weights[driver["measure"]], 2), "between": between}
        )
    version = {
        "digest": kept.digest,
        "since": kept.since,
        "change": kept.change.model_dump(mode="json", by_alias=True) if kept.change else None,
    } if kept else None  # fmt: skip
    changes = store.history.changes(found["account"], day - _BACK - _SLACK, day)
    told = {"drivers": drivers, "version_of_model": version, "model_changes": changes}
    return found | told | _moved(store, found, day)


def _moved(store: Store, found: dict[str, Any], day: date) -> dict[str, Any]:
    """What moved the score in thirty days; nothing where no reading is kept from then."""
    then = store.history.receipt_between(found["account"], day - _BACK - _SLACK, day - _BACK)
    if then is None:
        return {"moved_since": None, "moved": []}
    return {
        "moved_since": {key: then[key] for key in ("day", "score", "computed", "model", "digest")},
        "moved": [
            {"part": move.part, "then": move.then, "now": move.now, "change": move.change}
            for move in moves.moves(found, then)
        ],
    }


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
        if name == "name" or (name.startswith("shown_") and name not in _MEMORIES)
    ]
    if not columns:
        return {}
    frame = store.mirror.load("account", columns, Scope.accounts(pl.Series([account])))
    if frame.is_empty():
        return {}
    return {name.removeprefix("shown_"): frame[name][0] for name in columns}


def _kept(store: Store, account: str) -> dict[str, Any]:
    """What the account's second memory holds."""
    mine = pl.Series([account])
    held = as_shown("programmes")
    if held in store.mirror.entities().get("account", {}):
        frame = store.mirror.load("account", [held], Scope.accounts(mine))
    else:
        frame = pl.DataFrame({"id": mine}).with_columns(pl.lit(None, pl.String).alias(held))
    found = programme_memory.parse(frame.select(pl.col("id").alias("account_id"), held))
    return found.row(0, named=True)


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
