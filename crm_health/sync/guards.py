"""Phase (e): limits on a plan that looks like a mistake. Nothing is written past one."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from crm_health.config.playbook import Guards
from crm_health.connector import Usage


@dataclass
class Tally:
    """What the guards look at, added up over all accounts assessed."""

    customers: int = 0
    scored_before: int = 0
    moved_far: int = 0
    open_records: int = 0
    #: Accounts synced before, and those of them whose class of evidence is another one now.
    known_before: int = 0
    evidence_changed: int = 0
    #: CRM objects whose full read brought far less than the last: (now, then).
    shrunk: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(
        self, accounts: pl.DataFrame, far: int, open_records: int, evidence_changed: pl.Series
    ) -> None:
        """Count a part of the accounts.

        Args:
            accounts: `shown_score` and the new `score`.
            far: Points that are far.
            open_records: Their open tasks and escalations of ours.
            evidence_changed: For each account; null where it was never synced before.
        """
        self.known_before += evidence_changed.len() - evidence_changed.null_count()
        self.evidence_changed += int(evidence_changed.sum() or 0)
        had = accounts.filter(pl.col("shown_score").is_not_null())
        distance = (pl.col("score") - pl.col("shown_score")).abs()
        self.scored_before += had.height
        # A score that vanishes moves as far as any.
        self.moved_far += had.filter((distance > far).fill_null(True)).height
        self.open_records += open_records


def stops(
    limits: Guards, tally: Tally, plan: pl.DataFrame, customers: int, usage: Usage
) -> list[str]:
    """Why this plan must not be applied without a person's word; empty where it may.

    Args:
        plan: All rows, with `kind`.
        customers: Accounts in scope, assessed or not.
    """
    found = [
        f"{name}: only {now} of {then} records are visible (limit {limits.source_min_percent:g} %)"
        for name, (now, then) in sorted(tally.shrunk.items())
    ]
    kinds = dict(plan.group_by("kind").len().iter_rows()) if plan.height else {}
    new = kinds.get("task", 0) + kinds.get("escalation", 0)
    most = max(limits.new_records, customers * limits.new_records_percent / 100)
    if new > most:
        found.append(f"{new} new tasks and escalations (limit {most:g})")
    if tally.moved_far > max(1, tally.scored_before * limits.moved_percent / 100):
        found.append(
            f"{tally.moved_far} of {tally.scored_before} scored accounts move by more than "
            f"{limits.moved_points} points (limit {limits.moved_percent:g} %)"
        )
    if tally.evidence_changed > max(10, tally.known_before * limits.moved_percent / 100):
        found.append(
            f"{tally.evidence_changed} of {tally.known_before} accounts lose or gain a whole kind "
            f"of evidence at once (limit {limits.moved_percent:g} %): is a source broken?"
        )
    closing = kinds.get("close_task", 0) + kinds.get("close_escalation", 0)
    most = max(limits.new_records, tally.open_records * limits.closings_percent / 100)
    if closing > most:
        found.append(f"{closing} tasks and escalations would close (limit {most:g})")
    if usage.org_used is not None and usage.org_limit:
        percent = 100 * usage.org_used / usage.org_limit
        if percent > limits.org_usage_percent:
            found.append(
                f"the org has used {percent:.0f} % of its API calls "
                f"(limit {limits.org_usage_percent:g} %)"
            )
    return found
