"""`crm-health runs`: what was done, row by row."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, as_json_with, show
from crm_health.cli.plans import plan_rows, shown
from crm_health.report import runs as report
from crm_health.report.changes import changes
from crm_health.store import Run, Store

_json = click.option("--json", "form", is_flag=True, help="Print JSON on stdout.")


@click.group()
def runs() -> None:
    """Past runs, their plans and receipts. Reads the local database only."""


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@_json
@click.pass_obj
def list_runs(context: Context, limit: int, *, form: bool) -> int:
    """List runs, newest first."""
    with context.store(fresh=False) as store:
        found = store.runs.list(limit)
    if form:
        as_json([asdict(run) for run in found])
    else:
        show(report.runs(found))
    return 0


@runs.command("show")
@click.argument("run_id")
@_json
@click.pass_obj
def show_run(context: Context, run_id: str, *, form: bool) -> int:
    """Show one run with its plan rows and what the CRM answered. `last` is the newest."""
    with context.store(fresh=False) as store:
        run = _find(store, run_id)
        states, hold = store.plans.counts(run.id), store.plans.held(run.id)
        write = context.config.mapping.write
        if form:
            held = asdict(hold) if hold else None
            told: dict[str, Any] = asdict(run) | {"states": states, "hold": held}
            as_json_with(told, "rows", plan_rows(store, run.id, write.account))
            return 0
        refusals = store.plans.refusals(run.id)
        show([*changes(shown(store, run.id, write)), *report.run(run, states, refusals)])
    if hold and not hold.used_by:
        until = f"{hold.expires_at:%Y-%m-%d %H:%M} UTC"
        show([f"Held until {until}: crm-health sync --approve {run.id}"])
    return 0


def _find(store: Store, run_id: str) -> Run:
    """The run with that id, with an id that only begins so, or the newest."""
    recent = store.runs.list(1000)
    found = recent[:1] if run_id == "last" else [run for run in recent if run.id == run_id]
    found = found or [run for run in recent if run.id.startswith(run_id)]
    if len(found) == 1:
        return found[0]
    what = "is not the id of a run" if not found else "begins the ids of several runs"
    raise click.BadParameter(f"{run_id!r} {what}: see `crm-health runs list`", param_hint="RUN_ID")
