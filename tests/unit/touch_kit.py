"""The company of `standing_kit` with a touch plan: calls at the top, a queue in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from standing_kit import BEFORE, FIELDS, MODEL, PLAYBOOK
from sync_kit import Org, config

READ: dict[str, Any] = {
    "activity": {
        "object": "Event",
        "columns": {
            "account_id": "AccountId",
            "kind": {"constant": "call"},
            "happened_at": "Day",
        },
    }
}
FACTS: dict[str, Any] = {
    "conversation_days": {"from": "activity", "where": "age_days >= 0", "take": "min(age_days)"},
    "planned": {"from": "activity", "where": "age_days < 0", "take": "count(*)"},
}
TASK = {
    "subject": "{account}: last talk {conversation_days:date}",
    "body": "Tell them: {stage_hears:text}",
}
TOUCHES: dict[str, Any] = {
    "planned": "planned > 0",
    "plan": {
        "call": {
            "label": "Call",
            "tiers": {"top": 30},
            "fulfilled_by": "conversation_days",
            "task": dict(TASK),
        },
        "queue": {
            "label": "Check-in",
            "tiers": {"middle": 20},
            "fulfilled_by": "conversation_days",
            "ahead_days": 0,
            "a_week": 2,
            "task": dict(TASK),
        },
    },
    "digital": {
        "tiers": ["rest"],
        "values": [
            {"label": "Outage", "when": "given < 10", "at_once": True},
            {"label": "Come Back", "alerts": ["dropped"], "when": "given < 70"},
            {"label": "Grow", "stages": ["expand"]},
        ],
    },
}
NEXT = {"next_touch": "PNext", "next_touch_due": "PNextDue"}


def touching_org(folder: Path, **playbook: Any) -> Org:
    """An org of that company. Its first Monday is on the seventh day."""
    made = config(
        {"read": READ, "write": {"account": FIELDS | NEXT}},
        MODEL | {"facts": FACTS},
        PLAYBOOK | {"touches": TOUCHES, "tasks_a_day": 5} | playbook,
    )
    return Org(folder, made, now=BEFORE)


def talk(org: Org, account: str, days: int = 0) -> None:
    """A conversation so many days ago, or ahead."""
    day = org.ago(days=days).date()
    org.crm.put("Event", {"AccountId": account, "Day": day})
