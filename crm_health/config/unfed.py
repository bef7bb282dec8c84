"""What nobody can know here, since the mapping brings nothing for it, and what that keeps quiet."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from crm_health.config import expressions, figures, trials
from crm_health.config.columns import columns_for, days_name
from crm_health.config.domains import ABSENT
from crm_health.config.expressions import ColumnKind, ExpressionError
from crm_health.config.mapping import Mapping
from crm_health.config.model import Model
from crm_health.config.playbook import Playbook
from crm_health.config.samples import Domains
from crm_health.entities import ENTITIES, Kind

Columns = MappingABC[str, ColumnKind]


def quiet_alerts(
    mapping: Mapping, model: Model, playbook: Playbook, columns: Columns, domains: Domains
) -> dict[str, list[str]]:
    """The alerts that can never open for lack of data, with what is not mapped of each.

    Args:
        mapping: what is read.
        model: whose facts the alerts read.
        playbook: whose alerts.
        columns: what alerts may read.
        domains: what that can hold, as far as it is known.

    Returns:
        Rule to names: entities (`incident`) and columns (`usage.seats`), sorted.
    """
    lacks = _lacks(mapping, model, columns, domains)
    known = {**domains, **dict.fromkeys(lacks, ABSENT)}
    found: dict[str, list[str]] = {}
    for rule, alert in playbook.alerts.items():
        read = _read(alert.when, columns)
        kinds = _kinds(read, columns)
        if read & lacks.keys() and kinds and not trials.possible(alert.when, kinds, known):
            found[rule] = sorted(set().union(*(lacks[name] for name in read & lacks.keys())))
    return found


def _lacks(
    mapping: Mapping, model: Model, columns: Columns, domains: Domains
) -> dict[str, frozenset[str]]:
    """Names that are missing for every account, each with what is not mapped.

    As the engine has it (`health.evidence.availability`): a derived fact is missing where all the
    evidence is that it reads, whatever stands in for it.
    """
    found = {name: frozenset({f"account.{name}"}) for name in _unmapped("account", mapping)}
    for name, fact in model.facts.items():
        if ENTITIES[fact.source].ours:
            continue
        if fact.source not in mapping.read:
            found[name] = frozenset({fact.source})
            continue
        away = _unmapped(fact.source, mapping)
        own = columns_for(fact.source, mapping)
        read = _read(fact.take, own, "aggregate") | _read(fact.where or "true", own)
        if read & away:
            found[name] = frozenset(f"{fact.source}.{column}" for column in read & away)
    found |= _ranks(columns, found)
    for name, text in model.derived.items():
        read = _read(text, columns)
        known = {**domains, **dict.fromkeys(found, ABSENT)}
        kinds, evidence = _kinds(read, columns), read & {*model.facts, *model.derived}
        blind = bool(evidence) and evidence <= found.keys()
        if blind or (read & found.keys() and kinds and not trials.gives(text, kinds, known)):
            found[name] = frozenset().union(*(found[other] for other in read & found.keys()))
        found |= _ranks(columns, found)
    return found


def _ranks(columns: Columns, found: MappingABC[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """What nobody can know has no rank either."""
    about = {name: figures.figure(name, found) for name in columns}
    return {name: found[one.of] for name, one in about.items() if one and one.kind == "rank"}


def _unmapped(entity: str, mapping: Mapping) -> set[str]:
    """Columns of an entity that no feed brings, and the days since them."""
    feeds, columns = mapping.read.get(entity, ()), ENTITIES[entity].columns
    brought = {name for feed in feeds for name in (*feed.columns, *feed.extra)}
    # Where a case has no SLA, hours by priority give one.
    brought |= {"sla_due_at" for feed in feeds if feed.sla_hours}
    away = {column.name: column.kind for column in columns if column.name not in brought}
    found = {
        *away,
        *(days_name(n) for n, kind in away.items() if kind in (Kind.DATE, Kind.INSTANT)),
    }
    if ENTITIES[entity].main_date in away:
        found |= {"age_days", "window_days"}
    return found | ({"contact_role"} if "contact_id" in away else set())


def _read(text: str, columns: Columns, role: expressions.Role = "row") -> frozenset[str]:
    try:
        return expressions.compile(text, columns, role=role).columns
    except ExpressionError:
        # Told where the expression stands.
        return frozenset()


def _kinds(names: frozenset[str], columns: Columns) -> dict[str, Kind] | None:
    """Their kinds; None where one is not known."""
    found = {name: columns[name] for name in names}
    return None if "any" in found.values() else {n: Kind(kind) for n, kind in found.items()}
