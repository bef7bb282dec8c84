"""`crm-health status`: where things stand, and what to do next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
import orjson
import polars as pl

from crm_health.cli.context import Context, utc_now
from crm_health.cli.output import as_json, say, show
from crm_health.report import runs as report
from crm_health.store import Run, Store
from crm_health.sync.run import WARNINGS

_NEXT_AFTER = {
    0: "crm-health sync, on a schedule; crm-health accounts shows the customers",
    3: "crm-health runs show last: some rows were refused or wait",
    4: "read the held plan with crm-health runs show last, then approve it or mend its cause",
    5: "crm-health sync, when the other run has ended",
    6: "crm-health sync, when API calls are left",
    77: "mend the login or the user's rights, then crm-health sync",
    78: "crm-health config check, or crm-health setup, then crm-health sync",
}


@click.command()
@click.option("--json", "form", is_flag=True, help="Print JSON on stdout.")
@click.pass_obj
def status(context: Context, *, form: bool) -> int:
    """Show the last run, what is in the mirror, what waits, and the next step."""
    where = context.location
    if not Store.exists(where):
        found: dict[str, Any] = {"state": str(where), "last_run": None, "next": "crm-health plan"}
        if form:
            as_json(found)
        else:
            say(f"There is no state at {where} yet. Next: crm-health plan")
        return 0
    with context.store() as store:
        found = {"state": str(where), **_facts(store)}
    if form:
        as_json(found)
    else:
        show(report.status(found))
    return 0


def _facts(store: Store) -> dict[str, Any]:
    pinned, last = store.pinned(), next(iter(store.runs.list(1)), None)
    such_as = (
        store.mirror.quarantined()
        .group_by("object", "problem")
        .agg(
            pl.col("path").unique().sort().alias("fields"),
            pl.col("id").head(3).alias("examples"),
        )
    )
    problems = store.mirror.quarantine_counts().join(such_as, on=["object", "problem"], how="left")
    return {
        "schema": store.schema_version(),
        "org": pinned[0] if pinned else None,
        "crm": pinned[1] if pinned else None,
        "last_run": _run(last) if last else None,
        "rows": {name: store.mirror.count(name) for name in store.mirror.entities()},
        "quarantine": problems.sort("object", "problem").to_dicts(),
        "warnings": orjson.loads(store.runs.get_value(WARNINGS) or "[]"),
        "dirty": len(store.mirror.dirty()),
        "rejected": store.plans.rejected(utc_now() - timedelta(days=1)).height,
        "next": _next(last),
    }


def _run(run: Run) -> dict[str, Any]:
    age = (utc_now() - run.started_at).total_seconds() / 3600
    return {
        "id": run.id,
        "kind": run.kind,
        "outcome": run.outcome or f"running ({run.phase})",
        "exit": run.exit_code,
        "started_at": run.started_at,
        "age_hours": round(max(age, 0.0), 1),
        "counts": dict(run.counts),
        "message": run.message,
    }


def _next(last: Run | None) -> str:
    if last is None:
        return "crm-health plan"
    if last.outcome is None:
        return f"wait: run {last.id} is in phase {last.phase}"
    if last.kind == "plan" and last.exit_code == 0:
        return "crm-health sync writes what the plan showed"
    return _NEXT_AFTER.get(last.exit_code or 0, "crm-health sync")
