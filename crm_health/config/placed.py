"""Where a customer stands, by the names that expressions read it under.

Everything after facts may read these, and derived facts as well; but what places customers may
not, nor derived facts that rest on them: tiers and stages come first.
"""

from __future__ import annotations

from collections.abc import Mapping

from crm_health.config import figures
from crm_health.config.expressions import ColumnKind
from crm_health.config.known import words
from crm_health.entities import Kind

#: The tier of everybody where the playbook has none.
UNPLACED = "growth"
PLACED: dict[str, ColumnKind] = {
    "tier_now": Kind.TEXT,
    "tier_since": Kind.DATE,
    "tier_days": Kind.NUMBER,
    "stage": Kind.TEXT,
    "stage_since": Kind.DATE,
    "stage_days": Kind.NUMBER,
    "stage_stuck": Kind.BOOLEAN,
    "stage_hears": Kind.TEXT,
    "value_stage": Kind.NUMBER,
    "value_stage_since": Kind.DATE,
    "value_stage_days": Kind.NUMBER,
    "value_stage_stuck": Kind.BOOLEAN,
}


def resting(derived: Mapping[str, str]) -> dict[str, str]:
    """The names of `PLACED`, and of derived facts that rest on them; and how each does."""
    found = dict.fromkeys(PLACED, "what the stages and tiers of the playbook give")
    for name, text in derived.items():
        read = sorted(words(text) & found.keys())
        # A cohort of those who stand alike is known once all of them are placed.
        for one in sorted(figures.names_in([text])):
            about = figures.readings(one)
            read += [part for f in about for part in (f.of, f.by) if part in found and part]
        if read:
            found[name] = f"derived from {read[0]}, which the playbook gives"
    return found
