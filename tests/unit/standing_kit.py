"""A company whose playbook has stages and tiers, with fields for both."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sync_kit import Org, config

FIELDS = {
    "stage": "PStage",
    "stage_since": "PStageSince",
    "value_stage": "PValue",
    "value_stage_since": "PValueSince",
    "tier": "PTier",
    "tier_since": "PTierSince",
    "attention": "PAttention",
    "value_at_stake": "PStake",
    "programmes": "PMemory",
}
PLAYBOOK: dict[str, Any] = {
    "lifecycle": {
        "stages": [
            {"name": "expand", "label": "Expand", "when": "second >= 90", "hears": "More",
             "leave_after_days": 30},
            {"name": "adopt", "label": "Adopt", "when": "true", "hears": "How"},
        ]
    },
    "value_stages": {
        "stages": [
            {"label": "Using", "when": "used > 0", "means": "They log in"},
            {"label": "Changed", "means": "They say so"},
        ]
    },
    "tiers": {
        "rank": "rank_value_now",
        "value": "value_now",
        "unranked": "middle",
        "steps": [
            {"name": "top", "label": "Top", "share": 10, "contact": "pool"},
            {"name": "middle", "label": "Middle", "share": 30, "contact": "pool"},
            {"name": "rest", "label": "Rest", "contact": "queue"},
        ],
    },
}  # fmt: skip
MODEL: dict[str, Any] = {"derived": {"value_now": "contract_value"}}
#: Fifteen days before a review of the tiers.
BEFORE = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)


def placed_org(folder: Path, **playbook: Any) -> Org:
    """An org of that company."""
    made = config({"write": {"account": FIELDS}}, MODEL, PLAYBOOK | playbook)
    return Org(folder, made, now=BEFORE)


def customers(org: Org, count: int = 30) -> list[str]:
    """Customers of a falling value, who use it."""
    ids = [org.account(Name=f"C{n:02d}", Value=1000.0 * (count - n)) for n in range(count)]
    for account in ids:
        org.crm.put("Usage", {"Account": account, "Value": 5.0, "Day": org.now.date()})
    return ids
