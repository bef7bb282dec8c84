"""Where an account stands and why, in whole sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from crm_health.config.playbook import Playbook
from crm_health.programmes.tiers import KINDS

Row = Mapping[str, Any]


def lines(playbook: Playbook, shown: Row, memory: Row) -> list[str]:
    """Stage, value stage and tier, as far as the CRM shows them.

    Args:
        playbook: What they are called, and how they come about.
        shown: Output to what the CRM shows.
        memory: One row of `programme_memory.parse`.
    """
    found = (
        _stage(playbook, shown, memory),
        _value_stage(playbook, shown, memory),
        _tier(playbook, shown, memory),
    )
    return [f"{line}." for line in found if line]


def _stage(playbook: Playbook, shown: Row, memory: Row) -> str:
    stages = playbook.lifecycle.stages if playbook.lifecycle else ()
    mine = next((s for s in stages if s.label == shown.get("stage")), None)
    if mine is None:
        return ""
    text = f"Stage {mine.label} since {shown.get('stage_since')}: "
    if memory["stage_held"]:
        return f"{text}a person chose it, until the conditions say another stage than that day"
    text += f"the first that holds is {' '.join(mine.when.split())}"
    if memory["stage_out_since"]:
        since = _date(memory["stage_out_since"])
        ends = since + timedelta(days=mine.leave_after_days)
        text += f"; another one holds since {since}, and follows on {ends} if that lasts"
    return text


def _value_stage(playbook: Playbook, shown: Row, memory: Row) -> str:
    steps = playbook.value_stages.stages if playbook.value_stages else ()
    mine = next((s for s in steps if s.label == shown.get("value_stage")), None)
    if mine is None:
        return ""
    text = f"Value stage {mine.label} since {shown.get('value_stage_since')}: {mine.means}"
    if memory["value_held"] is not None:
        return f"{text}; a person chose it, until the conditions say another one than that day"
    to = memory["value_next"]
    if to is None:
        return text
    # Below the first step there is none.
    name = steps[to - 1].label if 0 < to <= len(steps) else "none"
    return f"{text}; on its way to {name} since {memory['value_next_since']}"


def _tier(playbook: Playbook, shown: Row, memory: Row) -> str:
    if playbook.tiers is None or not shown.get("tier"):
        return ""
    text = f"Tier {shown['tier']} since {shown.get('tier_since')}"
    if memory["tier_pin"]:
        chosen = _date(memory["tier_pin"])
        until = chosen + timedelta(days=playbook.tiers.pin_days)
        return f"{text}: a person chose it on {chosen}, and it stands until {until}"
    period, _, kind = (memory["tier_moved"] or "").partition(":")
    if kind in KINDS:
        text += f": {KINDS[kind]}{f' of {period}' if kind in 'ud' else ''}"
    period, _, count = (memory["tier_below"] or "").partition(":")
    if count:
        text += f"; too low for it in {count} review{'s' if count != '1' else ''}, last in {period}"
    return text


def _date(value: Any) -> date:
    assert isinstance(value, date)
    return value
