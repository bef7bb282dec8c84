"""Runs and the state of affairs, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from crm_health.report.tables import table
from crm_health.report.words import counted, instant


def runs(found: Sequence[Any]) -> list[RenderableType]:
    """A table of runs (`store.Run`), newest first."""
    if not found:
        return ["No run yet: `crm-health plan` shows what a first sync would do."]
    rows = [
        (
            run.id,
            instant(run.started_at),
            run.kind,
            run.outcome or f"running ({run.phase})",
            "" if run.exit_code is None else str(run.exit_code),
            str(run.counts.get("assessed", "")),
            str(run.counts.get("plan_done", "")),
            str(sum(run.calls.values())),
        )
        for run in found
    ]
    headings = ("run", "started", "kind", "outcome", ">exit", ">assessed", ">written", ">calls")
    return [table(headings, rows)]


def run(
    found: Any, states: Mapping[str, int], refusals: Sequence[tuple[str, str, str, int]]
) -> list[RenderableType]:
    """One run in a few lines.

    Args:
        found: The run (`store.Run`).
        states: Its plan rows by state.
        refusals: Status, code and field of what the CRM did not take, and how many rows.
    """
    lines = [
        f"Run {found.id} ({found.kind}) of org {found.org_id or 'unknown'}: "
        f"{found.outcome or 'running, ' + found.phase}"
        + (f", exit {found.exit_code}" if found.exit_code is not None else ""),
        f"Started {instant(found.started_at)}, {counted(sum(found.calls.values()), 'API call')}"
        + "".join(f", {count} {kind}" for kind, count in sorted(found.calls.items())),
    ]
    if states:
        tally = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        lines.append(f"Rows of its plan: {tally}")
    # Codes and fields, never the CRM's own words.
    lines += [
        f"{counted(count, 'row')} {status}: {code}" + (f" ({field})" if field else "")
        for status, code, field, count in refusals
    ]
    if found.message:
        lines.append(found.message)
    return list(lines)


def status(facts: Mapping[str, Any]) -> list[RenderableType]:
    """The state of affairs (see `cli.status`)."""
    last = facts["last_run"]
    parts: list[RenderableType] = [f"State: {facts['state']} (schema {facts['schema']})"]
    if facts["org"]:
        parts.append(f"Org: {facts['org']} ({facts['crm']})")
    if last:
        parts.append(
            f"Last run: {last['id']}, {last['kind']}, {last['outcome']} (exit {last['exit']}), "
            f"{last['age_hours']:g} hours ago"
        )
    if facts["rows"]:
        rows = [(name, f"{count:,}") for name, count in sorted(facts["rows"].items())]
        parts.append(table(("in the mirror", ">rows"), rows))
    if facts["quarantine"]:
        bad = [
            (
                q["object"],
                q["problem"],
                f"{q['rows']:,}",
                ", ".join(q["fields"] or ()),
                ", ".join(q["examples"] or ()),
            )
            for q in facts["quarantine"]
        ]
        parts.append(table(("quarantined", "problem", ">cells", "field", "such as"), bad))
    parts += [f"Warning: {text}." for text in facts["warnings"]]
    nobody = last["counts"].get("ownerless", 0) if last else 0
    if nobody:
        what = counted(nobody, "task or escalation", "tasks or escalations")
        parts.append(f"Not made, for nobody can take them: {what}")
    parts.append(
        f"Waiting: {counted(facts['dirty'], 'account')} to assess again, "
        f"{counted(facts['rejected'], 'row')} that the CRM refused"
    )
    parts.append(f"Next: {facts['next']}")
    return parts
