"""A run from lock to receipt: takes the org, runs, and leaves a truthful row behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from crm_health import errors
from crm_health.config.load import Config
from crm_health.connector import Connector, Notes
from crm_health.store import Run, Store
from crm_health.sync import models
from crm_health.sync import run as runs
from crm_health.sync.options import Options

#: Outcome by exit code, for the run's row.
OUTCOMES = {
    0: "done",
    3: "partial",
    4: "held",
    5: "lost",
    6: "quota",
    130: "stopped",
    143: "stopped",
}


def perform(
    connect: Callable[[Notes], Connector],
    store: Store,
    config: Config,
    options: Options,
    now: Callable[[], datetime],
) -> tuple[runs.Report, int]:
    """Do one run.

    Args:
        connect: Makes the connector, which keeps its notes in the store; called only once the
            lock is ours.
        now: The local clock, for the run's row and lock; scores use the CRM's.

    Returns:
        What was done, and the exit code.

    Raises:
        Busy: another run has the org; no call was made.
        ConfigError: the model has changed and does not say why; no call was made.
        CrmHealthError: the run ended early; its row says how.
    """
    kind = "plan" if options.dry_run else "sync"
    pinned, started = store.pinned(), now()
    run = store.runs.start(
        org_id=pinned[0] if pinned else "",
        as_of=started,
        now=started,
        digest=config.digest,
        kind=kind,
    )
    connector: Connector | None = None
    try:
        if not options.dry_run:
            models.admit(store, config)
        connector = connect(store.notes)
        report = runs.sync(connector, store, config, run, replace(options, clock=now))
        code = exit_code(report, options)
        _finish(
            store,
            run,
            connector,
            code,
            now(),
            counts=_counts(report),
            message="; ".join(report.stops),
        )
    except errors.CrmHealthError as error:
        _finish(store, run, connector, error.exit_code, now(), message=error.message)
        raise
    except KeyboardInterrupt:
        _finish(store, run, connector, 130, now(), message="stopped at once")
        raise
    except BaseException:
        _finish(store, run, connector, 1, now(), message="unexpected error")
        raise
    finally:
        if connector is not None:
            connector.close()
    return report, code


def exit_code(report: runs.Report, options: Options) -> int:
    """The exit code that the rows' outcomes make."""
    codes = set()
    if report.stops:
        codes.add(4)
    open_ends = {"rejected", "retry", "unknown", "sent"}
    short = report.refused or report.ownerless or open_ends & set(report.outcomes)
    if not options.dry_run and short:
        codes.add(3)
    return errors.worst(codes)


def _counts(report: runs.Report) -> dict[str, int]:
    return {
        "accounts": report.accounts,
        "customers": report.customers,
        "assessed": report.assessed,
        "rows_read": sum(report.pulled.rows.values()),
        "quarantined": report.pulled.quarantined,
        "waiting": report.waiting,
        "ownerless": report.ownerless,
        **{f"plan_{name}": count for name, count in report.outcomes.items()},
    }


def _finish(
    store: Store,
    run: Run,
    connector: Connector | None,
    code: int,
    now: datetime,
    *,
    counts: dict[str, int] | None = None,
    message: str = "",
) -> None:
    calls = dict(connector.usage().by_kind) if connector is not None else {}
    outcome = OUTCOMES.get(code, "failed")
    store.runs.finish(
        run,
        outcome=outcome,
        exit_code=code,
        counts=counts or {},
        calls=calls,
        message=message,
        now=now,
    )
