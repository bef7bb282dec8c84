"""What a run did or would do, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from crm_health.report.changes import WORDS, Shown, changes
from crm_health.report.words import counted

Result = Mapping[str, Any]


def plan(result: Result, shown: Shown, names: Mapping[str, str]) -> list[RenderableType]:
    """A dry run in full: the changes, people's edits, warnings, guards, and the sum.

    Args:
        result: What the run found.
        shown: Rows of its plan.
        names: Of the accounts that people edited.
    """
    parts: list[RenderableType] = [*changes(shown)]
    if result["edits"]:
        parts.append("Edits by people of fields that are ours")
        for edit in result["edits"]:
            who = names.get(edit["account_id"])
            title = f"{edit['account_id']} {who}" if who else edit["account_id"]
            parts.append(f"  {title}: {edit['output']} now says {edit['shown'] or 'nothing'}")
    parts += [*summary(result, dry_run=True)]
    return parts


def summary(result: Result, *, dry_run: bool) -> list[str]:
    """The most important line is the last."""
    scope = (
        f"{result['customers']:,} of {counted(result['accounts'], 'account')} in scope, "
        f"{result['assessed']:,} assessed."
    )
    lines = [f"Warning: {text}." for text in result["warnings"]]
    if result["quarantined"]:
        lines.append(
            f"{counted(result['quarantined'], 'cell')} could not be used and are treated as "
            "missing: crm-health status shows them."
        )
    lines += _people(result)
    lines.append(scope)
    if result["accounts"] and not result["customers"]:
        lines.append("No account fits `scope` in the mapping, so there is nobody to score.")
    lines += _held(result) if result["stops"] else []
    lines.append(_would(result) if dry_run else _did(result))
    return lines


def _people(result: Result) -> list[str]:
    lines = []
    if result["edits"] and not result["stops"]:
        lines.append(f"{counted(len(result['edits']), 'edit')} by people of fields that are ours.")
    if result["waiting"]:
        lines.append(
            f"{counted(result['waiting'], 'new task')} wait: their owners have enough for today."
        )
    if result["expired"]:
        lines.append(
            f"{counted(result['expired'], 'new task')} waited too long and will not be told."
        )
    if result["stood"]:
        lines.append(
            f"{counted(result['stood'], 'alert')} held already when the account was first synced: "
            "the fields say so, and there is no task for as long as it lasts."
        )
    if result["ownerless"]:
        lines.append(
            "Can't be made: "
            f"{counted(result['ownerless'], 'task or escalation', 'tasks or escalations')}, for no "
            "active owner, CSM or manager is there. The playbook's people.retention_owner and "
            "departments may name some."
        )
    if result["refused"]:
        lines.append(
            f"Refused by the CRM in the last day, and not sent again with the same content: "
            f"{counted(result['refused'], 'row')}. `crm-health sync --full` tries again."
        )
    return lines


def _held(result: Result) -> list[str]:
    return [f"Guard: {text}." for text in result["stops"]]


def _would(result: Result) -> str:
    if result["stops"]:
        return (
            "Nothing was written. A sync would stop here as well; if the plan is right: "
            f"crm-health sync --approve {result['run']}"
        )
    planned = sum(result["counts"].values())
    if not planned:
        return "Nothing to write: the CRM says what it should."
    parts = [counted(sum(states.values()), *WORDS[kind]) for kind, states in _ordered(result)]
    return (
        f"{', '.join(parts)}: {counted(result['calls_needed'], 'API call')}. No guard would stop "
        "it. Nothing was written: crm-health sync does it."
    )


def _did(result: Result) -> str:
    counts = result["counts"]
    calls = counted(result["calls_used"], "API call")
    if result["stops"]:
        return (
            f"Nothing was written ({calls}). If the plan is right: "
            f"crm-health sync --approve {result['run']}"
        )
    total, done = sum(counts.values()), counts.get("done", 0)
    if not total and result.get("approved"):
        return (
            f"0 writes: 0 of {counted(result['approved'], 'held row')} still wanted, for what they "
            f"rest on has changed since ({calls}). crm-health plan shows what a sync would do now."
        )
    if not total and (result["refused"] or result["ownerless"]):
        return f"0 writes: what is named above still waits ({calls})."
    if not total:
        return f"0 writes: the CRM says what it should ({calls})."
    parts = [
        counted(states["done"], *WORDS[kind]) for kind, states in _ordered(result)
        if states.get("done")
    ]  # fmt: skip
    text = f"{done:,} of {counted(total, 'row')} written ({calls}): {', '.join(parts) or 'none'}."
    others = {state: number for state, number in counts.items() if state != "done"}
    if others:
        tally = ", ".join(f"{number} {state}" for state, number in sorted(others.items()))
        text += f" {tally}: crm-health runs show {result['run']}"
    return text


def _ordered(result: Result) -> list[tuple[str, Mapping[str, int]]]:
    return [(kind, result["kinds"][kind]) for kind in WORDS if kind in result["kinds"]]
