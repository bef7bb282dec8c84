"""`crm-health sync` and `crm-health plan`: one run, written or only shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import click
import polars as pl

from crm_health import errors, logs
from crm_health.cli.context import Context, utc_now
from crm_health.cli.model import tell
from crm_health.cli.output import as_json, as_json_with, say, show
from crm_health.cli.plans import account_names, plan_rows, shown
from crm_health.cli.progress import counting
from crm_health.cli.stopping import Stop
from crm_health.cli.trials import CURRENT
from crm_health.report import changes, outcome
from crm_health.store import Run, Store
from crm_health.sync import models, session
from crm_health.sync.options import Options
from crm_health.sync.run import Report

#: States of a row that a later run takes up again by itself.
_AGAIN = ("planned", "sent", "retry", "unknown")
#: Beyond this, a sync shows its sum only: nobody reads such a table.
_MOST_SHOWN = 2000

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
@click.option(
    "--model",
    metavar="FILE",
    help="Hold this model.yaml against the one in use instead: reads the local database only.",
)
@_json
@click.pass_obj
def plan(context: Context, *, max_calls: int | None, model: str | None, form: bool) -> int:
    """Show what a sync would write, and why. Reads the CRM, writes nothing to it."""
    if model is not None:
        tell(context, CURRENT, model, form)
        return 0
    return _run(context, {"dry_run": True}, max_calls, form=form)


def _run(context: Context, given: Mapping[str, Any], max_calls: int | None, *, form: bool) -> int:
    """One run from the command line; with `form` there is JSON on stdout however it ends."""
    ended: dict[str, Any] = {}
    try:
        # Before the database is touched: without a connector there is nothing to do.
        _ = context.plugin
        with context.store() as store:
            result = _attempt(context, store, given, max_calls, ended)
            ended = result
            _tell(context, store, result, dry_run=bool(given.get("dry_run")), form=form)
    except errors.CrmHealthError as error:
        if form and "org" not in ended:
            as_json(ended or _failed(error, None, {}))
        raise
    return int(result["exit"])


def _tell(
    context: Context, store: Store, result: Mapping[str, Any], *, dry_run: bool, form: bool
) -> None:
    """Say what a run did or would do, from its rows in the database."""
    run_id, write = result["run"], context.config.mapping.write
    problem = models.objection(store, context.config) if dry_run else None
    if problem:
        say(f"Warning: a sync would refuse this: {problem}.")
    if form and dry_run:
        as_json_with(result, "rows", plan_rows(store, run_id, write.account))
    elif form:
        as_json(result)
    elif dry_run:
        edited = pl.Series([edit["account_id"] for edit in result["edits"]], dtype=pl.String)
        names = account_names(store, edited)
        show(outcome.plan(result, shown(store, run_id, write), names))
        return
    elif sys.stdout.isatty() and sum(result["counts"].values()) <= _MOST_SHOWN:
        show(changes.changes(shown(store, run_id, write)))
    say(*outcome.summary(result, dry_run=dry_run))


def _attempt(
    context: Context,
    store: Store,
    given: Mapping[str, Any],
    max_calls: int | None,
    ended: dict[str, Any],
) -> dict[str, Any]:
    """The run's result; `ended` is filled with what a failed run left."""
    config, stop, log = context.config, Stop(), logs.port()
    send = context.notice(log)
    with stop.listening(), counting() as count:

        def tick(name: str, rows: int) -> None:
            count(name, rows)
            # Also while reading: a page is stored whole, so this is a clean point.
            stop()

        options = Options(**given, stopping=stop, tick=tick, notice=send)
        before = store.runs.list(1)
        try:
            report, code = session.perform(
                lambda notes: context.connect(notes, max_calls, stopping=stop),
                store,
                config,
                options,
                utc_now,
            )
        except errors.CrmHealthError as error:
            run = _own(store.runs.list(1), before)
            states = store.plans.counts(run.id) if run else {}
            _note(error, states)
            ended.update(_failed(error, run, states))
            log("run.ended", **_logged(ended))
            raise
    done = store.runs.get(report.run.id) or report.run
    result = _result(report, done, code, store.plans.kinds(done.id))
    log("run.ended", **_logged(result))
    return result


def _logged(result: Mapping[str, Any]) -> dict[str, Any]:
    """Of a result what may stand in a log: ids and numbers."""
    names = ("run", "outcome", "exit", "counts", "calls_used", "customers", "assessed")
    return {name: result[name] for name in names if name in result}


def _own(now: Any, before: Any) -> Run | None:
    """The run that this command opened, if it came so far."""
    return now[0] if now and (not before or now[0].id != before[0].id) else None


def _result(
    report: Report, run: Run, code: int, kinds: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
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
        "kinds": dict(kinds),
        "calls_used": sum(run.calls.values()),
        "calls": dict(run.calls),
        "calls_needed": report.calls_needed,
        "approved": report.approved,
        "accounts": report.accounts,
        "customers": report.customers,
        "assessed": report.assessed,
        "read": dict(report.pulled.rows),
        "deleted": {name: n for name, n in report.pulled.deleted.items() if n},
        "quarantined": report.pulled.quarantined,
        "edits": report.edits.to_dicts(),
        "waiting": report.waiting,
        "expired": report.expired,
        "ownerless": report.ownerless,
        "stood": report.stood,
        "refused": report.refused,
        "stops": report.stops,
        "warnings": report.warnings,
    }


def _failed(
    error: errors.CrmHealthError, run: Run | None, states: Mapping[str, int]
) -> dict[str, Any]:
    """What `--json` says of a run that ended early, or never began."""
    return {
        "exit": error.exit_code,
        "retryable": error.retryable,
        "next_attempt_at": _next_attempt(error, utc_now),
        "run": run.id if run else None,
        "outcome": run.outcome if run else None,
        "counts": dict(states),
        "calls_used": sum(run.calls.values()) if run else 0,
        "error": {"code": error.code, "message": error.message},
    }


def _next_attempt(error: errors.CrmHealthError, now: Callable[[], datetime]) -> str | None:
    if isinstance(error, errors.QuotaExhausted) and error.until is not None:
        return error.until.isoformat()
    if isinstance(error, errors.RateLimited) and error.retry_after is not None:
        return (now() + timedelta(seconds=error.retry_after)).isoformat(timespec="seconds")
    return None


def _note(error: errors.CrmHealthError, states: Mapping[str, int]) -> None:
    """Say with the error what was written before it."""
    total = sum(states.values())
    done = states.get("done", 0)
    # Of a row to be tried again a part may be there, such as a record without its association.
    if not any(states.get(name) for name in ("done", "retry", "unknown")):
        if "othing was written" not in error.message:
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
