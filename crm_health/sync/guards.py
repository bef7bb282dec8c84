"""Phase (e): limits on a plan that looks like a mistake. Nothing is written past one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from crm_health.config.playbook import Guards
from crm_health.connector import Usage

#: So many inputs that shift are named.
_NAMED = 5
#: So few accounts are no pattern, however small the book.
FEW = 5


@dataclass
class Tally:
    """What the guards look at: changes of this run, against the book as a whole."""

    #: Scored accounts that move far, and accounts whose class of evidence is another one now.
    moved_far: int = 0
    evidence_changed: int = 0
    #: The book: accounts that show a score, that were synced before, and our open records.
    scored: int = 0
    known: int = 0
    open_records: int = 0
    #: Customers now and at the last full assessment (None: not counted, or never).
    customers: int = 0
    customers_before: int | None = None
    #: CRM objects whose full read brought far less than the last: (now, then).
    shrunk: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Inputs that shift for most accounts at once: by name, what they do.
    shifted: dict[str, str] = field(default_factory=dict)

    def add(self, accounts: pl.DataFrame, far: int, evidence_changed: pl.Series) -> None:
        """Count a part of the accounts.

        Args:
            accounts: `shown_score`, the new `score`, and `was` of those that came under another
                model today.
            far: Points that are far.
            evidence_changed: For each account; null where it was never synced before.
        """
        # Another model asks for other evidence: no source broke. What it moves counts below.
        self.evidence_changed += int(evidence_changed.filter(accounts["was"].is_null()).sum() or 0)
        had = accounts.filter(pl.col("shown_score").is_not_null())
        distance = (pl.col("score") - pl.col("shown_score")).abs()
        # A score that vanishes moves as far as any.
        self.moved_far += had.filter((distance > far).fill_null(True)).height


def stops(limits: Guards, tally: Tally, kinds: Mapping[str, int], usage: Usage) -> list[str]:
    """Why this plan must not be applied without a person's word; empty where it may.

    Args:
        limits: From the playbook.
        tally: Of all that was assessed.
        kinds: How many rows of each kind the plan has.
        usage: API calls, as the service last said.
    """
    found = [
        f"{name}: only {now} of {then} records are visible (limit {limits.source_min_percent:g} %)"
        for name, (now, then) in sorted(tally.shrunk.items())
    ]
    found += list(tally.shifted.values())[:_NAMED]
    if len(tally.shifted) > _NAMED:
        found.append(f"{len(tally.shifted) - _NAMED} more inputs shift as well")
    # Planned touches are no sign of a mistake: they come by the calendar, so many a person and day.
    new = kinds.get("task", 0) + kinds.get("escalation", 0)
    most = max(limits.new_records, tally.customers * limits.new_records_percent / 100)
    if new > most:
        found.append(f"{new} new tasks and escalations (limit {most:g})")
    before = tally.customers_before or 0
    # One of three may well have left: that must not hold every later run. All three is a mistake.
    gone = before - tally.customers > FEW or (before and not tally.customers)
    if gone and tally.customers < before * limits.source_min_percent / 100:
        found.append(
            f"only {tally.customers} of {before} customers are left in scope "
            f"(limit {limits.source_min_percent:g} %)"
        )
    if tally.moved_far > max(FEW, tally.scored * limits.moved_percent / 100):
        found.append(
            f"{tally.moved_far} of {tally.scored} scored accounts move by more than "
            f"{limits.moved_points} points (limit {limits.moved_percent:g} %)"
        )
    if tally.evidence_changed > max(2 * FEW, tally.known * limits.moved_percent / 100):
        found.append(
            f"{tally.evidence_changed} of {tally.known} accounts lose or gain a whole kind "
            f"of evidence at once (limit {limits.moved_percent:g} %), as when a source breaks"
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
