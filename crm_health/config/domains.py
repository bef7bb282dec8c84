"""What columns, facts and outcomes can hold, as far as the configuration tells."""

from __future__ import annotations

from collections.abc import Iterable

from crm_health.config import mapping as mappings
from crm_health.config.columns import columns_for
from crm_health.config.mapping import Source
from crm_health.config.model import Model
from crm_health.config.playbook import Playbook
from crm_health.config.samples import Domain
from crm_health.entities import ENTITIES, RANGES, Kind

#: Our own words for texts that a mapping translates; it may give further ones.
WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("account", "tier"): ("strategic", "growth", "digital"),
    ("contact", "role"): ("champion", "sponsor", "decision_maker", "influencer"),
    ("case", "priority"): ("p1", "p2", "p3", "p4"),
    ("activity", "kind"): ("call", "meeting", "email_in", "email_out", "task"),
    ("activity", "purpose"): ("review", "value_review", "onsite", "training"),
    ("opportunity", "kind"): ("new", "expansion", "downsell", "renewal"),
    ("usage", "metric"): ("active_users", "compliance"),
    ("survey", "kind"): ("nps", "csat"),
    ("milestone", "kind"): ("setup", "deployment", "goal"),
}
TRENDS = ("Rising", "Falling", "Steady", "New")
POINTS, RANK, SCORE = Domain(0, 100), Domain(0, 1), Domain(1, 100, whole=True)
COUNT, ABSENT = Domain(lowest=0, whole=True), Domain(absent=True)
#: Readings are looked at for so long.
APART = Domain(0, 100, whole=True)


def of_entity(entity: str, mapping: mappings.Mapping | None) -> dict[str, Domain]:
    """The columns of an entity of which it is known what they hold."""
    found = {
        name: Domain(*RANGES[entity, name])
        for name in columns_for(entity, mapping)
        if (entity, name) in RANGES
    }
    for column in ENTITIES[entity].columns:
        words = _words(entity, column.name, mapping) if column.kind is Kind.TEXT else None
        if words is not None:
            found[column.name] = Domain(words=words)
    if "contact_role" in columns_for(entity, mapping):
        roles = _words("contact", "role", mapping)
        if roles is not None:
            found["contact_role"] = Domain(words=roles)
    return found


def of_outcomes(model: Model) -> dict[str, Domain]:
    """What stands after the caps."""
    bands = Domain(words=frozenset({*(band.name for band in model.bands), "unknown"}))
    return {
        "score": SCORE,
        "override_apart_days": APART,
        "score_change_30": Domain(-99, 99),
        "band": bands,
        "band_before": bands,
        "band_since_days": COUNT,
        "trend": Domain(words=frozenset(TRENDS)),
    }


def of_placed(playbook: Playbook | None, mapping: mappings.Mapping | None) -> dict[str, Domain]:
    """Where customers stand."""
    found = dict.fromkeys(("tier_days", "stage_days", "value_stage_days"), COUNT)
    tiers, lifecycle = (playbook.tiers, playbook.lifecycle) if playbook else (None, None)
    names = frozenset(step.name for step in tiers.steps) if tiers else None
    if names is None:
        names = _words("account", "tier", mapping)
    if names is not None:
        found["tier_now"] = Domain(words=names)
    if lifecycle:
        found["stage"] = Domain(words=frozenset(stage.name for stage in lifecycle.stages))
    if playbook and playbook.value_stages:
        steps = len(playbook.value_stages.stages)
        found["value_stage"] = Domain(lowest=1, highest=steps, whole=True)
    return found


def _words(entity: str, column: str, mapping: mappings.Mapping | None) -> frozenset[str] | None:
    """All texts that a column can hold; None where some feed takes what the CRM has."""
    feeds = mapping.read.get(entity, ()) if mapping is not None else ()
    sources = [feed.columns[column] for feed in feeds if column in feed.columns]
    given = [_given(source) for source in sources]
    if not given or any(words is None for words in given):
        return None
    known: Iterable[str] = WORDS.get((entity, column), ())
    return frozenset(known).union(*(words for words in given if words is not None))


def _given(source: Source) -> frozenset[str] | None:
    """The texts that a source can give; None where it passes on what it finds."""
    if source.constant is not None:
        return frozenset({str(source.constant)})
    if not source.translates:
        return None
    found = [*(source.values or {}).values(), *(source.starts_with or {}).values()]
    found += [*(source.words or {})]
    found += source.promote.values.values() if source.promote is not None else ()
    found += [source.otherwise] if source.otherwise is not None else []
    return frozenset(map(str, found))
