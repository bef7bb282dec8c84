"""Do the tiers make sense: shares that leave a rest, and reviews that can happen."""

from __future__ import annotations

from crm_health.config.check_lifecycle import labels, twice
from crm_health.config.known import Known
from crm_health.config.problems import nearest
from crm_health.config.tiers import Tiers
from crm_health.entities import Kind


def check_tiers(known: Known, tiers: Tiers) -> None:
    """Check the tiers.

    Args:
        known: what their expressions may read.
        tiers: the tiers.
    """
    check, path = known.check, ("tiers", "steps")
    names = [step.name for step in tiers.steps]
    twice(check, path, "name", names)
    labels(check, path, tiers.steps)
    known.expression(("tiers", "rank"), tiers.rank, expect=Kind.NUMBER)
    known.expression(("tiers", "value"), tiers.value, expect=Kind.NUMBER)
    unless = tiers.review.down_unless
    if unless is not None:
        known.expression(("tiers", "review", "down_unless"), unless, expect=Kind.BOOLEAN)
    if tiers.unranked not in names:
        hint = nearest(tiers.unranked, names)
        check.add(("tiers", "unranked"), f"there is no tier {tiers.unranked!r}", hint)
    last = len(tiers.steps) - 1
    for number, step in enumerate(tiers.steps):
        if number < last and step.share is None:
            check.add((*path, number), f"{step.name} has no share", "percent of the customers")
        if number == last and step.share is not None:
            check.add((*path, number, "share"), "the last tier is the rest", "remove it")
        if number == last and step.at_least:
            check.add((*path, number, "at_least"), "the last tier is the rest", "remove it")
        if step.contact == "queue" and step.accounts_per_csm is not None:
            what = "nobody looks after a queue in person"
            check.add((*path, number, "accounts_per_csm"), what, "remove it")
        if step.contact == "named" and step.accounts_per_csm is None:
            what = f"{step.name} has people of its own, but not how many customers each takes"
            check.warn((*path, number), what, "add accounts_per_csm: `capacity` reckons with it")
    total = sum(step.share or 0 for step in tiers.steps[:last])
    if total >= 100:
        check.add(path, f"the shares add up to {total:g} %, which leaves nobody for the last tier")
    months = tiers.review.months
    if any(not 1 <= month <= 12 for month in months) or len(set(months)) < len(months):
        check.add(("tiers", "review", "months"), "must be months, 1 to 12, each once")
