"""`crm-health sync` and `crm-health plan`: one run, written or only shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from crm_health import errors
from crm_health.cli.context import Context, utc_now
from crm_health.cli.output import as_json, say, show
from crm_health.cli.plans import plan_rows
from crm_health.cli.progress import counting
from crm_health.cli.stopping import Stop
from crm_health.report import changes, outcome
from crm_health.store import Run, Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report

#: States of a row that a later run takes up again by itself.
_AGAIN = ("planned", "sent", "retry", "unknown")

_json = click.option("--json", "form", is_flag=True, help="Print the result as JSON on stdout.")
_calls = click.option(
    "--max-calls",
    type=click.IntRange(min=1),
    envvar="CRM_HEALTH_MAX_CALLS",
    show_envvar=True,
    help="Most API calls this run may make; what is left follows in the next run.",
)


@click.command()
@click.option("--full", is_flag=True, help="Read everything again, whatever is known already.")
@click.option("--dry-run", is_flag=True, help="Write nothing: the same as `plan`.")
@_calls
@click.option("--approve", metavar="RUN_ID", help="Apply the plan that a guard held in that run.")
@_json
@click.pass_obj
def sync(
    context: Context,
    *,
    full: bool,
    dry_run: bool,
    max_calls: int | None,
    approve: str | None,
    form: bool,
) -> int:
    """Read what changed, work out every customer's health, write the difference.

    Exit codes: 0 done, 3 some rows were refused, 4 a guard held the plan, 5 another run is active,
    6 API calls used up, 65 and 74 local database, 75 CRM unavailable, 77 login or rights,
    78 configuration, 130 and 143 stopped.
    """
    if dry_run and approve:
        raise click.UsageError("--approve writes, --dry-run does not: give one of them.")
    options = {"full": full, "dry_run": dry_run, "approve": approve}
    return _run(context, options, max_calls, form=form)


@click.command()
@_calls
@_json
@click.pass_obj
def plan(context: Context, *, max_calls: int | None, form: bool) -> int:
    """Show what a sync would write, and why. Reads the CRM, writes nothing to it."""
    return _run(context, {"dry_run": True}, max_calls, form=form)


def _run(context: Context, given: Mapping[str, Any], max_calls: int | None, *, form: bool) -> int:
    # Before the database is touched: without a connector there is nothing to do.
    plugin = context.plugin
    config, stop = context.config, Stop()
    dry_run = bool(given.get("dry_run"))
    with context.store() as store, stop.listening(), counting() as count:

        def tick(name: str, rows: int) -> None:
            count(name, rows)
            # Also while reading: a page is stored whole, so this is a clean point.
            stop()

        options = Options(**given, stopping=stop, tick=tick)
        ports = context.ports(max_calls)
        before = store.runs.list(1)
        try:
            report, code = session.perform(
                lambda: plugin.connect(ports, config.mapping.api_version),
                store,
                config,
                options,
                utc_now,
            )
        except errors.CrmHealthError as error:
            run = _own(store.runs.list(1), before)
            _note(error, store, run)
            if form:
                as_json(_failed(error, store, run))
            raise
        rows = plan_rows(store, report.run.id, config.mapping.write.account)
        done = store.runs.get(report.run.id) or report.run
        result = _result(report, done, code, rows)
    if form:
        as_json(result | {"rows": rows} if dry_run else result)
    elif dry_run:
        show(outcome.plan(result, rows))
    else:
        show(changes.changes(rows) if sys.stdout.isatty() else [])
    if not (dry_run and not form):
        say(*outcome.summary(result, dry_run=dry_run))
    return code


def _own(now: Any, before: Any) -> Run | None:
    """The run that this command opened, if it came so far."""
    return now[0] if now and (not before or now[0].id != before[0].id) else None


def _result(report: Report, run: Run, code: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    kinds: dict[str, dict[str, int]] = {}
    for row in rows:
        states = kinds.setdefault(row["kind"], {})
        states[row["status"]] = states.get(row["status"], 0) + 1
    states = dict(report.outcomes)
    return {
        "exit": code,
        "retryable": code == 3 and any(states.get(state) for state in _AGAIN),
        "next_attempt_at": None,
        "run": run.id,
        "org": report.identity.org_id,
        "as_of": report.setting.as_of.isoformat(),
        "outcome": run.outcome,
        "counts": states,
        "kinds": kinds,
        "calls_used": sum(run.calls.values()),
        "calls": dict(run.calls),
        "calls_needed": report.calls_needed,
        "accounts": report.accounts,
        "customers": report.customers,
        "assessed": report.assessed,
        "read": dict(report.pulled.rows),
        "deleted": {name: n for name, n in report.pulled.deleted.items() if n},
        "quarantined": report.pulled.quarantined,
        "edits": report.edits.to_dicts(),
        "waiting": report.waiting,
        "ownerless": report.ownerless,
        "refused": report.refused,
        "stops": report.stops,
        "warnings": list(report.setting.reads.warnings),
    }


def _failed(error: errors.CrmHealthError, store: Store, run: Run | None) -> dict[str, Any]:
    """What `--json` says of a run that ended early."""
    return {
        "exit": error.exit_code,
        "retryable": error.retryable,
        "next_attempt_at": _next_attempt(error, utc_now),
        "run": run.id if run else None,
        "outcome": run.outcome if run else None,
        "counts": store.plans.counts(run.id) if run else {},
        "calls_used": sum(run.calls.values()) if run else 0,
        "error": {"code": error.code, "message": error.message},
    }


def _next_attempt(error: errors.CrmHealthError, now: Callable[[], datetime]) -> str | None:
    if isinstance(error, errors.QuotaExhausted) and error.until is not None:
        return error.until.isoformat()
    if isinstance(error, errors.RateLimited) and error.retry_after is not None:
        return (now() + timedelta(seconds=error.retry_after)).isoformat(timespec="seconds")
    return None


def _note(error: errors.CrmHealthError, store: Store, run: Run | None) -> None:
    """Say with the error what was written before it."""
    states = store.plans.counts(run.id) if run else {}
    total = sum(states.values())
    done = states.get("done", 0)
    if not done:
        error.add_note("Nothing was written to the CRM.")
    else:
        error.add_note(
            f"{done} of {total} rows were written; the next sync derives the rest again."
        )
    if states.get("sent"):
        error.add_note(
            f"{states['sent']} rows were sent without an answer: the next sync reads what became "
            "of them."
        )
