"""Does the playbook make sense: conditions, departments, clocks and texts."""

from __future__ import annotations

from crm_health.config import templates
from crm_health.config.check_alerts import check_alerts
from crm_health.config.check_escalations import check_escalations
from crm_health.config.check_lifecycle import check_ladder, check_lifecycle
from crm_health.config.check_model import ModelNames
from crm_health.config.check_tiers import check_tiers
from crm_health.config.check_touches import check_touches
from crm_health.config.checker import Checker
from crm_health.config.playbook import Playbook
from crm_health.config.yaml import Document


def check_playbook(
    playbook: Playbook,
    document: Document,
    found: ModelNames,
    counts: frozenset[str],
    id_length: int | None,
    *,
    staffed: bool = True,
) -> Checker:
    """Check one playbook whose shape is right.

    Args:
        playbook: the playbook.
        document: its file.
        found: what alerts may read.
        counts: facts named `*_days` that count days.
        id_length: of the CRM's ids, where the mapping says so.
        staffed: as `check_escalations` has it.
    """
    ratios = templates.shown_as("percent", document.text) | found.ratios
    check = Checker(document, counts=counts, ratios=ratios)
    check_alerts(check, playbook, found, id_length)
    check_escalations(check, playbook, id_length=id_length, staffed=staffed)
    placing = found.placing(check)
    if playbook.lifecycle is not None:
        check_lifecycle(placing, playbook.lifecycle)
    if playbook.value_stages is not None:
        check_ladder(placing, playbook.value_stages)
    if playbook.tiers is not None:
        check_tiers(placing, playbook.tiers)
    if playbook.touches is not None:
        check_touches(check, playbook, playbook.touches, found)
    if playbook.tasks_open < playbook.tasks_a_day:
        check.add(("tasks_open",), "is less than tasks_a_day")
    return check
